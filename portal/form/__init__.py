"""Settings as a form, and back: fields from the program's own schema, checks by the program itself.

schema = form.load(checkout)                            # settings.schema.json of the environment's program
page = form.build(schema, settings, under=(form.SERVICES, "orders"))
reading = form.read(schema, settings, await request.form()'s pairs, under=…)
problems = [*reading.problems, *form.check(checkout, reading.settings, pending=reading.pending)]
page = form.build(schema, reading.settings, problems=problems, pending=reading.pending, entered=reading.entered)

reading = form.from_data(schema, settings, sent)        # as a client sends them
reading = form.from_yaml(schema, settings, text).reading    # YamlError, with the line
text = form.to_yaml(settings)                           # `[secret]` for each encrypted value
"""

from portal.form.build import build
from portal.form.check import CheckError, check
from portal.form.fields import NO, SERVICES, WAS, YES, Field, Form, Group, Kind, Path, Problem, typed
from portal.form.read import Reading, read, with_secrets
from portal.form.schema import Schema, SchemaError, load
from portal.form.stack_file import SECRET, YamlError, YamlReading, data_of, from_data, from_yaml, to_yaml

__all__ = [
    "NO",
    "SECRET",
    "SERVICES",
    "WAS",
    "YES",
    "CheckError",
    "Field",
    "Form",
    "Group",
    "Kind",
    "Path",
    "Problem",
    "Reading",
    "Schema",
    "SchemaError",
    "YamlError",
    "YamlReading",
    "build",
    "check",
    "data_of",
    "from_data",
    "from_yaml",
    "load",
    "read",
    "to_yaml",
    "typed",
    "with_secrets",
]
