"""What things are called on a Prefect server: where flows and deployments must agree. Pure."""

from __future__ import annotations

from typing import Final

from sijill.archive.crawl.site import Site
from sijill.flows.settings import USUAL_POOL

OUR_TAG: Final = "sijill"
"""On every deployment and so on every run of it; automations look for it."""
FOUND_NOTHING: Final = "sijill.site.found-nothing"
"""The name of the Prefect event of a run that captured no statement page; automations react to it."""
STATEMENT_EVENT: Final = "sijill.statement."
"""Before `changed`, `vanished` or `returned`: the name of the Prefect event of a statement to which that happened."""
LEASE_SECONDS: Final = 60.0
"""How long a slot stays taken after its worker was killed; renewed while the worker lives. The least Prefect allows."""


def pool_tag(pool: str) -> str:
    """The tag of what was deployed for a work pool, and is removed when the sites file does not ask for it any more."""
    return f"sijill-pool:{pool}"


def deployment_name(pool: str, name: str) -> str:
    """What a deployment is called: names are one to a server, so other pools than the usual one stand before them."""
    return name if pool == USUAL_POOL else f"{pool}-{name}"


def site_deployment(pool: str, site_id: str) -> str:
    """The name of the deployment that crawls a site."""
    return deployment_name(pool, f"crawl-{site_id}")


def sealer_limit(pool: str) -> str:
    """The global concurrency limit of sealing."""
    return f"{pool}:sealer"


def host_limit(pool: str, host: str) -> str:
    """The global concurrency limit of a host: one crawl at a time, of all sites that have pages there."""
    return f"{pool}:host:{host}"


def host_limits(pool: str, site: Site) -> list[str]:
    """The limits that a crawl of `site` occupies."""
    return sorted({host_limit(pool, str(host)) for host in site.hosts})
