"""Every error sonant raises on purpose.

    SonantError                 catch this one to catch them all
    ├── AudioError              a file that cannot be read, written or resampled
    ├── ManifestError           a list of clips that does not hold together
    ├── FetchError              a download that failed or was not what it said
    ├── RecipeError             a recipe with an unknown, missing or mistyped key
    ├── ModelError              a network that cannot be built as asked
    ├── BundleError             a bundle that is damaged, foreign or not there
    ├── ExportError             a graph that cannot be made, or answers otherwise than the model
    ├── TrainingError           a run that cannot go on
    │   └── Interrupted         stopped by the user; everything is saved
    ├── StoreError              enrolled speakers that cannot be read, or an enrolment that is refused
    ├── ServeError              a server that cannot start, or a request it refuses
    └── MissingExtra            a library of an optional extra is not installed

A message says what is wrong, where, and how to mend it. The command line prints it and exits with 1.
"""


class SonantError(Exception):
    """The root of the tree."""


class AudioError(SonantError):
    """A file that cannot be read, written or resampled."""


class ManifestError(SonantError):
    """A list of clips that does not hold together."""


class FetchError(SonantError):
    """A download that failed or was not what it said."""


class RecipeError(SonantError):
    """A recipe with an unknown, missing or mistyped key."""


class ModelError(SonantError):
    """A network that cannot be built as asked."""


class BundleError(SonantError):
    """A bundle that is damaged, foreign or not there."""


class ExportError(SonantError):
    """A graph that cannot be made, or answers otherwise than the model."""


class TrainingError(SonantError):
    """A run that cannot go on."""


class Interrupted(TrainingError):
    """Stopped by the user; everything is saved and the run can be resumed."""


class StoreError(SonantError):
    """A speaker store that is damaged, foreign or not there, or an enrolment that it refuses."""


class ServeError(SonantError):
    """A server that cannot start or go on, or a request that it refuses."""


class MissingExtra(SonantError):
    """A library of an optional extra is not installed."""

    def __init__(self, library: str, *, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {library}, which is not installed: pip install 'sonant[{extra}]'"
        )
        self.library = library
        self.extra = extra
