"""The snapshots as a table of Athena's: its definition, for the documents."""

from stats.numbers.catalogue import STATISTICS


def snapshots() -> str:
    """Return the statement that creates the table of the snapshots, in a block of Markdown."""
    sections: dict[str, list[str]] = {}
    for statistic in STATISTICS:
        sections.setdefault(statistic.section, []).append(f"    {statistic.key}:struct<label:string,value:bigint>")
    columns = ["\n".join([f"  `{section}` struct<", ",\n".join(fields), "  >"]) for section, fields in sections.items()]
    columns += ["  taken_at string", "  scheduled_for string", "  time_zone string"]
    columns += ["  read_from struct<engine:string,host:string,port:bigint,name:string>"]
    return _TABLE.format(columns=",\n".join(columns))


_TABLE = """```sql
CREATE EXTERNAL TABLE openl2m_snapshots (
{columns}
)
PARTITIONED BY (dt string)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://<SnapshotBucketName>/snapshots/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2026-01-01,NOW',
  'storage.location.template' = 's3://<SnapshotBucketName>/snapshots/dt=${{dt}}/'
);
```
"""
