"""Whether the data of a slice still are what its model was trained on; knows no ledger and no SQL."""
