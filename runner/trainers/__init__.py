"""The built-in trainers, by name. Importing this package imports none of them."""

from __future__ import annotations

NAMES = ("arima", "autoreg", "cnn", "isolation_forest", "lstm", "seasonal_naive")
