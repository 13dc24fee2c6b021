"""From a configuration to CloudFormation templates, without a call to AWS."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import aws_cdk as cdk
import cdk_nag
from aws_cdk import cx_api

from functions.core.playbook import Playbook
from functions.core.triggers import global_patterns
from functions.playbooks import playbooks as installed_playbooks
from stacks.bundle import REPOSITORY, Bundles
from stacks.config import Config
from stacks.hub import HubStack
from stacks.layer import LayerStack
from stacks.member import MemberAccountStack, MemberGlobalStack, MemberRegionStack


class CheckFailed(Exception):
    """cdk-nag found something; its report went to standard error and into the assembly."""


def synthesise(
    config: Config, outdir: Path, playbooks: Collection[Playbook] | None = None, root: Path = REPOSITORY
) -> cx_api.CloudAssembly:
    """Write templates and assets into `outdir`.

    The stacks are WardenHub, WardenLayer-<Region> for each governed Region, WardenMemberAccount, WardenMemberRegion,
    and WardenMemberGlobal where a playbook asks for events of a service without a Region.

    `playbooks` are those of this installation if not given; `root` is the repository that holds their code. Raises
    `ConfigError` for a mistake about a playbook, `NoSuchFile` and `LayerError` for what a bundle lacks, `CheckFailed`.
    """
    app = new_app(outdir)
    build(app, config, installed_playbooks() if playbooks is None else playbooks, root)
    return synth(app)


def new_app(outdir: Path) -> cdk.App:
    """Return an app without stacks that will be synthesised into `outdir`."""
    # The CDK remembers what a folder looked like, for as long as its Node process lives.
    cdk.AssetStaging.clear_asset_hash_cache()
    return cdk.App(outdir=str(outdir), analytics_reporting=False)


def build(app: cdk.App, config: Config, playbooks: Collection[Playbook], root: Path = REPOSITORY) -> None:
    """Add every stack to an app, and the checks that its synthesis must pass."""
    config.check(playbooks)
    for region in config.governed_regions:
        LayerStack(app, config=config, region=region)
    HubStack(app, "WardenHub", config=config, playbooks=playbooks, bundles=Bundles(root))
    ceiling = config.ceilings.highest
    MemberAccountStack(app, "WardenMemberAccount", config=config, playbooks=playbooks, ceiling=ceiling)
    MemberRegionStack(app, "WardenMemberRegion", config=config, playbooks=playbooks)
    if global_patterns(playbooks):
        MemberGlobalStack(app, "WardenMemberGlobal", config=config, playbooks=playbooks)
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks())


def synth(app: cdk.App) -> cx_api.CloudAssembly:
    """Synthesise an app. Raises `CheckFailed`."""
    try:
        return app.synth()
    except RuntimeError as error:
        # The CDK's library raises nothing more specific across the language border.
        if str(error).startswith("ValidationFailed"):
            raise CheckFailed(str(error)) from None
        raise
