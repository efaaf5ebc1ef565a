"""What can go wrong below the viewer, in the viewer's own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sijill.archive.errors import ArchiveError, CatalogUnusable
from sijill.flows.errors import (
    BadSettings,
    BadSites,
    NotSealed,
    OutputUnusable,
    PackageRefused,
    SijillError,
    TombstonedCapture,
    UnknownCapture,
)
from sijill.provenance.errors import MalformedCaptureId, NoSuchCheckpoint, ProvenanceError
from sijill.storage.errors import BadKey, NotFound, StorageError, StoreFailure
from sijill.viewer.errors import NotHere, NotSealedYet, Refused, Removed, Unavailable


@contextmanager
def told() -> Iterator[None]:
    """Turn the errors of all layers into those that the viewer answers with a page.

    Raises:
        ViewerError: in their place.
    """
    try:
        yield
    except (UnknownCapture, NotFound, BadKey, MalformedCaptureId, NoSuchCheckpoint) as err:
        raise NotHere(str(err)) from err
    except TombstonedCapture as err:
        raise Removed(str(err)) from err
    except NotSealed as err:
        raise NotSealedYet(str(err)) from err
    except PackageRefused as err:
        raise Refused(str(err)) from err
    except (StoreFailure, CatalogUnusable, OutputUnusable, BadSettings, BadSites) as err:
        raise Unavailable(str(err)) from err
    except (StorageError, ProvenanceError, ArchiveError, SijillError) as err:
        raise Refused(str(err)) from err
