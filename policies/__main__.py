"""The policy pack as the engine starts it: `pulumi preview --policy-pack policies`."""

import importlib.util
import sys
from pathlib import Path


def _package() -> None:
    """Makes this folder importable as `policies`, whatever it is called where the pack has been published."""
    here = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        "policies", here / "__init__.py", submodule_search_locations=[str(here)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{here} is no package")
    module = importlib.util.module_from_spec(spec)
    sys.modules["policies"] = module
    spec.loader.exec_module(module)


_package()

from policies.engine.analyzer import serve  # noqa: E402
from policies.rules import REGISTRY  # noqa: E402

serve(REGISTRY)
