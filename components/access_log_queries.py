"""Saved queries over the load balancers' access logs.

ALBs write these logs to S3, where CloudWatch Logs Insights (and its saved queries) does not reach: so the queries are
Athena's, over a table in the Glue catalog that finds each day's folder by itself (Athena user guide: "Partition
projection with Amazon Athena").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import pulumi
import pulumi_aws as aws

from components import settings
from components.base import Component

TABLE: Final = "access_logs"

# ALB user guide, "Access logs for your Application Load Balancer", access log entries: in this order. Quoted ones
# stand in double quotes, in which other quotes are escaped.
_PLAIN: Final = (
    *("type", "time", "elb", "client", "target"),
    *("request_processing_time", "target_processing_time", "response_processing_time"),
    *("elb_status_code", "target_status_code", "received_bytes", "sent_bytes"),
)
_FIELDS: Final[tuple[tuple[str, bool], ...]] = (
    *((name, False) for name in _PLAIN),
    *((name, True) for name in ("request", "user_agent")),
    *((name, False) for name in ("ssl_cipher", "ssl_protocol", "target_group_arn")),
    *((name, True) for name in ("trace_id", "domain_name", "chosen_cert_arn")),
    *((name, False) for name in ("matched_rule_priority", "request_creation_time")),
    *((name, True) for name in ("actions_executed", "redirect_url", "error_reason", "target_list")),
    *((name, True) for name in ("target_status_code_list", "classification", "classification_reason")),
)
COLUMNS: Final = tuple(name for name, _ in _FIELDS)
# What AWS adds at the end of a line in later years is let through.
LINE: Final = " ".join('"([^"]*)"' if quoted else "([^ ]*)" for _, quoted in _FIELDS) + "(?: .*)?"

# `day` is the table's partition: without it a query reads, and bills, a whole year.
QUERIES: Final[Mapping[str, tuple[str, str]]] = {
    "464": (
        "Calls refused with 464 in the last week: the client speaks another protocol version than the target group.",
        """\
SELECT domain_name, split_part(request, ' ', 1) AS verb, split_part(request, ' ', 3) AS version, user_agent,
       count(*) AS calls, max(time) AS last, arbitrary(client) AS a_client, arbitrary(request) AS a_request
FROM access_logs
WHERE elb_status_code = '464' AND day >= date_format(current_date - interval '7' day, '%Y/%m/%d')
GROUP BY 1, 2, 3, 4
ORDER BY calls DESC
LIMIT 100""",
    ),
    "errors": (
        "What load balancers answered with 4xx and 5xx in the last week, by method, and whether a pod said it.",
        """\
SELECT domain_name, url_extract_path(split_part(request, ' ', 2)) AS method, elb_status_code, target_status_code,
       error_reason, count(*) AS calls, max(time) AS last
FROM access_logs
WHERE elb_status_code >= '400' AND day >= date_format(current_date - interval '7' day, '%Y/%m/%d')
GROUP BY 1, 2, 3, 4, 5
ORDER BY calls DESC
LIMIT 100""",
    ),
    "closed": (
        "Connections closed in the last week without an answer (code 000), for example after 10,000 calls on one.",
        """\
SELECT elb, user_agent, count(*) AS times, max(time) AS last
FROM access_logs
WHERE elb_status_code IN ('000', '-') AND day >= date_format(current_date - interval '7' day, '%Y/%m/%d')
GROUP BY 1, 2
ORDER BY times DESC
LIMIT 100""",
    ),
}


def location(logs: settings.AccessLogs, account: str, region: str) -> str:
    """Folder of one account and region in the bucket (ALB user guide: "Access log files")."""
    prefix = f"{logs.prefix}/" if logs.prefix else ""
    return f"s3://{logs.bucket}/{prefix}AWSLogs/{account}/elasticloadbalancing/{region}/"


def catalog_name(*parts: str) -> str:
    """A database name that Athena takes without quotes: lower-case letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", "_".join(parts).lower()).strip("_")


def access_log_queries(
    owner: Component,
    logs: settings.AccessLogs,
    *,
    account: pulumi.Input[str],
    region: str,
    tags: Mapping[str, str],
) -> None:
    """Database, table and queries; `account`: the one the load balancers are in."""
    stack = pulumi.get_stack()
    database = aws.glue.CatalogDatabase(
        f"{owner.name}-access-logs",
        name=catalog_name(pulumi.get_project(), stack),
        description=f"Access logs of the load balancers of {stack}",
        tags=dict(tags),
        opts=owner.child(delete_before_replace=True),
    )
    folder = pulumi.Output.from_input(account).apply(lambda known: location(logs, known, region))
    table = _table(owner, database, folder)
    for key, (says, query) in QUERIES.items():
        aws.athena.NamedQuery(
            f"{owner.name}-query-{key}",
            name=f"{stack}: {key}",
            description=says,
            database=database.name,
            query=query,
            opts=owner.child(depends_on=[table], delete_before_replace=True),
        )


def _table(owner: Component, database: aws.glue.CatalogDatabase, folder: pulumi.Output[str]) -> aws.glue.CatalogTable:
    columns = [aws.glue.CatalogTableStorageDescriptorColumnArgs(name=name, type="string") for name in COLUMNS]
    return aws.glue.CatalogTable(
        f"{owner.name}-access-log-table",
        name=TABLE,
        database_name=database.name,
        table_type="EXTERNAL_TABLE",
        partition_keys=[aws.glue.CatalogTablePartitionKeyArgs(name="day", type="string")],
        parameters={
            "EXTERNAL": "TRUE",
            "projection.enabled": "true",
            "projection.day.type": "date",
            "projection.day.format": "yyyy/MM/dd",
            "projection.day.range": "NOW-1YEARS,NOW",
            "projection.day.interval": "1",
            "projection.day.interval.unit": "DAYS",
            "storage.location.template": folder.apply(lambda known: known + "${day}"),
        },
        storage_descriptor=aws.glue.CatalogTableStorageDescriptorArgs(
            location=folder,
            input_format="org.apache.hadoop.mapred.TextInputFormat",
            output_format="org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            columns=columns,
            ser_de_info=aws.glue.CatalogTableStorageDescriptorSerDeInfoArgs(
                serialization_library="org.apache.hadoop.hive.serde2.RegexSerDe",
                parameters={"serialization.format": "1", "input.regex": LINE},
            ),
        ),
        opts=owner.child(delete_before_replace=True),
    )
