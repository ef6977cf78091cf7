"""The provider's calls as the engine makes them: preview, create, read, update, delete, adoption."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from local_cloud.aws.provider import Aws
from local_cloud.plugin import Call, Refused
from local_cloud.store import Store
from local_cloud.values import UNKNOWN
from tests.local_cloud.edge_world import LOG_GROUP, SUBNET, VPC, World

KEY = "aws:kms/key:Key"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
NO_ROW = "aws:sqs/queue:Queue"


@pytest.fixture
def world() -> World:
    return World()


def _urn(token: str, name: str) -> str:
    return f"urn:pulumi:dev::test::{token}::{name}"


def _call(token: str, name: str, /, **fields: Any) -> Call:
    return Call(_urn(token, name), token, name, seed=b"s", **fields)


def _create(aws: Aws, token: str, name: str, /, **news: Any) -> tuple[str, dict[str, Any]]:
    """Check and Create only: the engine dies before it saves the answer."""
    inputs, failures = aws.check(_call(token, name, news=news))
    assert failures == []
    return aws.create(_call(token, name, news=inputs))


def test_a_preview_knows_inputs_and_nothing_else(world: World) -> None:
    seen = world.preview(VPC, "net", cidrBlock="10.0.0.0/16", tags={"a": "b"})
    assert seen["cidrBlock"] == "10.0.0.0/16"
    assert seen["tagsAll"] == {"a": "b"}
    assert seen["region"] == "eu-west-1"
    unknown = {key for key, value in seen.items() if value is UNKNOWN}
    assert {"arn", "ownerId", "defaultSecurityGroupId", "mainRouteTableId"} <= unknown
    assert world.aws.store.rows() == []
    assert not any(key.startswith("__") for key in seen)


def test_a_create_fills_what_the_preview_left_open(world: World) -> None:
    seen = world.preview(VPC, "net", cidrBlock="10.0.0.0/16")
    made = world.make(VPC, "net", cidrBlock="10.0.0.0/16")
    assert {key for key, value in seen.items() if value is UNKNOWN} <= made.outputs.keys()
    assert made["ipv6CidrBlockNetworkBorderGroup"] == ""
    assert made["arn"] == f"arn:aws:ec2:eu-west-1:123456789012:vpc/{made.id}"


def test_default_tags_lie_under_the_resources_own(world: World) -> None:
    world.aws.configure({"region": "us-east-1", "defaultTags": '{"tags": {"team": "a", "env": "dev"}}'})
    made = world.make(VPC, "net", cidrBlock="10.0.0.0/16", tags={"env": "prod"})
    assert made["tags"] == {"env": "prod"}
    assert made["tagsAll"] == {"team": "a", "env": "prod"}
    assert made["region"] == "us-east-1"
    world.aws.configure({"region": "us-east-1", "defaultTags": {"tags": {"x": "y"}}})
    assert world.preview(VPC, "other", cidrBlock="10.0.0.0/16")["tagsAll"] == {"x": "y"}


def test_an_unknown_configuration_changes_nothing(world: World) -> None:
    world.aws.configure({"region": UNKNOWN, "defaultTags": {"tags": UNKNOWN}})
    assert world.preview(VPC, "net", cidrBlock="10.0.0.0/16")["region"] == "eu-west-1"


def test_unknown_tags_stay_unknown(world: World) -> None:
    assert world.preview(VPC, "net", cidrBlock="10.0.0.0/16", tags=UNKNOWN)["tagsAll"] is UNKNOWN


def test_an_update_keeps_what_aws_computed_and_drops_what_was_taken_away(world: World) -> None:
    vpc = world.make(VPC, "net", cidrBlock="10.0.0.0/16", enableDnsHostnames=True, tags={"a": "b"})
    changed = world.change(vpc, enableDnsHostnames=None, tags={"c": "d"})
    assert "enableDnsHostnames" not in changed.outputs
    assert changed["tagsAll"] == {"c": "d"}
    assert changed["defaultSecurityGroupId"] == vpc["defaultSecurityGroupId"]


def test_the_preview_of_an_update_knows_the_state_but_not_what_moves(world: World) -> None:
    template = world.make(TEMPLATE, "nodes", instanceType="m7g.large")
    inputs = world.checked(TEMPLATE, "nodes", {"instanceType": "m7g.xlarge"}, template.inputs)
    call = Call(
        _urn(TEMPLATE, "nodes"), TEMPLATE, "nodes", template.id, template.outputs, template.inputs, inputs, preview=True
    )
    seen = world.aws.update(call)
    assert seen["latestVersion"] is UNKNOWN
    assert seen["arn"] == template["arn"]
    assert world.live(template)["instanceType"] == "m7g.large"


def test_refresh_returns_the_live_state_and_says_when_it_is_gone(world: World) -> None:
    vpc = world.make(VPC, "net", cidrBlock="10.0.0.0/16")
    row = world.live(vpc)
    world.aws.store.update(replace(row, outputs={**row.outputs, "ownerId": "9"}))
    identity, inputs, outputs = world.aws.read(_call(VPC, "net", id=vpc.id, olds=vpc.outputs))
    assert (identity, inputs, outputs["ownerId"]) == (vpc.id, vpc.inputs, "9")
    world.aws.account.remove(VPC, vpc.id)
    assert world.aws.read(_call(VPC, "net", id=vpc.id)) == ("", {}, {})


def test_what_has_gone_is_deleted_already_and_cannot_be_updated(world: World) -> None:
    vpc = world.make(VPC, "net", cidrBlock="10.0.0.0/16")
    world.aws.account.remove(VPC, vpc.id)
    world.drop(vpc)
    with pytest.raises(Refused, match=r"updating EC2 VPC .*couldn't find resource"):
        world.change(vpc, tags={"a": "b"})


def test_a_refused_create_leaves_nothing_behind(world: World) -> None:
    with pytest.raises(Refused) as caught:
        world.make(SUBNET, "a", vpcId="vpc-0", cidrBlock="10.0.0.0/24")
    text = str(caught.value)
    assert text.startswith(
        "1 error occurred:\n\t* creating EC2 Subnet: operation error EC2: CreateSubnet, "
        "https response error StatusCode: 400, RequestID: "
    )
    assert text.endswith(", api error InvalidVpcID.NotFound: The vpc ID 'vpc-0' does not exist\n\n")
    assert world.aws.store.rows() == []


def test_a_name_prefix_gives_a_name_at_the_create(world: World) -> None:
    made = world.make(LOG_GROUP, "logs", namePrefix="/app/")
    assert made.id == made["name"]
    assert made.id.startswith("/app/")
    assert len(made.id) == 31


def test_a_type_without_a_row_can_come_and_go_but_not_change(world: World) -> None:
    queue = world.make(NO_ROW, "jobs", name="jobs")
    assert world.diff(queue).detailed == {}
    with pytest.raises(Refused, match=f"replacement behaviour unknown: the local cloud has no table row for {NO_ROW}"):
        world.diff(queue, delaySeconds=5)
    world.drop(queue)
    assert world.aws.store.rows() == []


def test_look_ups_are_refused_by_name(world: World) -> None:
    with pytest.raises(Refused, match="aws:ec2/getAmi:getAmi"):
        world.aws.invoke("aws:ec2/getAmi:getAmi", {})


# Adoption


def test_a_repeated_create_adopts_what_a_killed_engine_left(world: World) -> None:
    first, outputs = _create(world.aws, LOG_GROUP, "logs")
    again = Aws(world.aws.store)
    inputs, _ = again.check(Call(_urn(LOG_GROUP, "logs"), LOG_GROUP, "logs", seed=b"another run"))
    assert inputs["name"] == outputs["name"], "the random name is taken over"
    assert again.create(_call(LOG_GROUP, "logs", news={**inputs, "retentionInDays": 7}))[0] == first
    [row] = world.aws.store.rows()
    assert row["retentionInDays"] == 7


def test_an_orphan_that_cannot_become_what_is_wanted_makes_room(world: World) -> None:
    first, _ = _create(world.aws, KEY, "key")
    second, _ = _create(world.aws, KEY, "key", keyUsage="SIGN_VERIFY")
    assert second != first
    assert [row.id for row in world.aws.store.rows()] == [second]


@pytest.mark.parametrize("named_by", ["diff", "read", "update"])
def test_what_the_engine_has_named_is_never_adopted(world: World, named_by: str) -> None:
    first, outputs = _create(world.aws, KEY, "key")
    inputs = world.aws.store.rows()[0].inputs
    named = _call(KEY, "key", id=first, olds=outputs, old_inputs=inputs, news=inputs)
    getattr(world.aws, named_by)(named)
    second, _ = _create(Aws(world.aws.store), KEY, "key")
    assert second != first
    assert len(world.aws.store.rows()) == 2


def test_a_refused_delete_has_named_it_too(world: World) -> None:
    vpc, _ = _create(world.aws, VPC, "net", cidrBlock="10.0.0.0/16")
    world.make(SUBNET, "a", vpcId=vpc, cidrBlock="10.0.0.0/24")
    with pytest.raises(Refused):
        world.aws.delete(_call(VPC, "net", id=vpc))
    assert world.aws.store.orphan(_urn(VPC, "net")) is None


def test_old_inputs_in_check_tell_that_the_engine_knows_the_resource(world: World) -> None:
    first, _ = _create(world.aws, KEY, "key")
    world.aws.check(_call(KEY, "key", olds={"keyUsage": "x"}))
    assert _create(world.aws, KEY, "key")[0] != first


def test_after_a_good_end_a_create_is_a_replacement(world: World) -> None:
    first, _ = _create(world.aws, KEY, "key")
    world.aws.ended()
    assert _create(Aws(world.aws.store), KEY, "key")[0] != first


def test_what_was_adopted_in_a_run_is_not_deleted_as_its_own_predecessor(world: World) -> None:
    """Killed after the state was saved, then ``--target-replace``: the engine replaces the resource by itself."""
    first, outputs = _create(world.aws, KEY, "key")
    again = Aws(world.aws.store)
    assert _create(again, KEY, "key")[0] == first
    again.delete(_call(KEY, "key", id=first, olds=outputs))
    assert [row.id for row in world.aws.store.rows()] == [first]
    Aws(world.aws.store).delete(_call(KEY, "key", id=first, olds=outputs))
    assert world.aws.store.rows() == []


def test_an_alias_moves_the_row_to_the_new_urn(world: World) -> None:
    vpc = world.make(VPC, "old", cidrBlock="10.0.0.0/16")
    world.aws.diff(_call(VPC, "new", id=vpc.id, old_inputs=vpc.inputs, news=vpc.inputs))
    assert world.aws.store.by_urn(_urn(VPC, "old")) == []
    assert world.aws.store.by_urn(_urn(VPC, "new"))[0].id == vpc.id


def test_the_store_survives_the_process(tmp_path: Any) -> None:
    first = World(Aws(Store(tmp_path / "cloud.sqlite")))
    vpc = first.make(VPC, "net", cidrBlock="10.0.0.0/16")
    second = World(Aws(Store(tmp_path / "cloud.sqlite")))
    assert second.live(vpc).outputs == vpc.outputs
