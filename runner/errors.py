"""What can go wrong in a run, apart from bugs: each says which, what, and what now."""

from __future__ import annotations


class RunnerError(Exception):
    """The root of every error this package raises on purpose."""

    exit_code = 2


class FinalError(RunnerError):
    """Trying again cannot help: it lies in the slice or in the user's code."""


class OptionError(FinalError):
    """An option, a setting or a parameter is unknown or has a value that cannot be."""


class WorkerFileError(RunnerError):
    """The user's worker file cannot be imported or lacks what it must define."""


class ModelFormatError(FinalError):
    """A model cannot be saved, or a saved one cannot be loaded this way."""


class SourceError(RunnerError):
    """A database or file could not be read. It may work later."""


class UnfitDataError(FinalError):
    """The data itself forbids training: trying again cannot help."""


class NoDataError(UnfitDataError):
    """A range selects no usable value."""


class ConstantDataError(UnfitDataError):
    """Every training value is the same, and the trainer needs variance."""


class TooShortError(UnfitDataError):
    """There are fewer training values than the trainer needs."""


class MissingColumnError(UnfitDataError):
    """The source has no such table or column."""


class NotNumericError(UnfitDataError):
    """A value column holds something that is no number."""


class FileFormatError(UnfitDataError):
    """A file is no table, or is written in a way that is not read."""


class SourceAddressError(UnfitDataError):
    """A file stands behind a URL of a kind that nothing reads."""


class ResultError(FinalError):
    """The user's train() returned what cannot be recorded; it would do so again."""


class SlowFitWarning(UserWarning):
    """What makes a trainer fast cannot be used here: it trains the same models many times slower."""
