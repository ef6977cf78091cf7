"""What Athena needs to query logs in S3: a database and a table in the Glue catalog, and saved queries.

Create-only properties: terraform-provider-aws internal/service/glue and athena.
"""

from __future__ import annotations

from typing import Final

from local_cloud.aws import lookups, plan
from local_cloud.aws.kind import Cloud, Kind, NameRule, Props, Refusal, Row

DATABASE: Final = "aws:glue/catalogDatabase:CatalogDatabase"
TABLE: Final = "aws:glue/catalogTable:CatalogTable"
QUERY: Final = "aws:athena/namedQuery:NamedQuery"

# glue catalog_table.go and catalog_database.go: names in lower case only.
_LOWER: Final = NameRule(
    pattern=r"[^A-Z]{1,255}", said="invalid value for name ({}): uppercase characters cannot be used"
)


def _catalog(cloud: Cloud, props: Props) -> str:
    return str(props.get("catalogId") or cloud.account)


def _database_id(cloud: Cloud, props: Props) -> str:
    return f"{_catalog(cloud, props)}:{props['name']}"


def _table_id(cloud: Cloud, props: Props) -> str:
    return f"{_catalog(cloud, props)}:{props['databaseName']}:{props['name']}"


def _database_taken(cloud: Cloud, props: Props) -> None:
    """moto glue/exceptions.py."""
    if cloud.get(DATABASE, _database_id(cloud, props)) is not None:
        raise Refusal("AlreadyExistsException", "Database already exists.")


def _table_taken(cloud: Cloud, props: Props) -> None:
    """moto glue/exceptions.py."""
    if cloud.get(TABLE, _table_id(cloud, props)) is not None:
        raise Refusal("AlreadyExistsException", "Table already exists.")


def _database_exists(cloud: Cloud, props: Props) -> None:
    """moto glue/exceptions.py."""
    database = f"{_catalog(cloud, props)}:{props['databaseName']}"
    if cloud.get(DATABASE, database) is None:
        raise Refusal("EntityNotFoundException", f"Database {props['databaseName']} not found.")


def _tables_gone(cloud: Cloud, row: Row) -> None:
    """Glue API reference: DeleteDatabase. Its tables go with it."""
    for table in cloud.where(TABLE, "databaseName", row["name"]):
        cloud.remove(table.token, table.id)


def _operations(thing: str) -> dict[str, str]:
    return {verb: f"{verb.capitalize()}{thing}" for verb in ("create", "update", "delete")}


def _glue_arn(cloud: Cloud, path: str) -> str:
    return f"arn:{cloud.partition}:glue:{cloud.region}:{cloud.account}:{path}"


KINDS: Final = (
    Kind(
        token=DATABASE,
        service="Glue",
        thing="Glue Catalog Database",
        operations=_operations("Database"),
        create_only=frozenset({"name", "catalogId"}),
        source="terraform-provider-aws internal/service/glue/catalog_database.go",
        computed=frozenset({"arn", "catalogId", "locationUri", "createTableDefaultPermissions"}),
        identify=_database_id,
        outputs=lambda cloud, identifier, props: {
            "arn": _glue_arn(cloud, f"database/{props['name']}"),
            "catalogId": _catalog(cloud, props),
            "locationUri": props.get("locationUri", ""),
            "createTableDefaultPermissions": props.get("createTableDefaultPermissions", []),
        },
        name=_LOWER,
        refuse_create=(_database_taken,),
        after_delete=(_tables_gone,),
    ),
    Kind(
        token=TABLE,
        service="Glue",
        thing="Glue Catalog Table",
        operations=_operations("Table"),
        create_only=frozenset({"name", "catalogId", "databaseName", "partitionIndices", "openTableFormatInput"}),
        source="terraform-provider-aws internal/service/glue/catalog_table.go",
        computed=frozenset({"arn", "catalogId", "partitionIndices"}),
        identify=_table_id,
        outputs=lambda cloud, identifier, props: {
            "arn": _glue_arn(cloud, f"table/{props['databaseName']}/{props['name']}"),
            "catalogId": _catalog(cloud, props),
            "partitionIndices": props.get("partitionIndices", []),
        },
        name=_LOWER,
        refuse_create=(_database_exists, _table_taken),
    ),
    Kind(
        token=QUERY,
        service="Athena",
        thing="Athena Named Query",
        operations={"create": "CreateNamedQuery", "delete": "DeleteNamedQuery"},
        create_only=frozenset({"name", "database", "query", "description", "workgroup"}),
        source="terraform-provider-aws internal/service/athena/named_query.go",
        computed=frozenset(),
        identify=lambda cloud, props: lookups.uuid(cloud),
        name=NameRule(pattern=r"(?s).{1,128}", said="expected length of name to be in the range (1 - 128), got {}"),
        defaults={"workgroup": "primary"},
        checks=(plan.length("query", 1, 262144), plan.length("description", 0, 1024), plan.length("database", 1, 255)),
    ),
)
