"""Exact Gaussian ARMA in compiled code. Importing a module of it compiles that module once per machine."""
