"""Random values against random schemas: never an exception, never a value outside its declared type."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, settings

from tests import schema_random
from tests.tree import ROOT

pytestmark = pytest.mark.usefixtures("uncounted")

LEVEL_P = settings(max_examples=2_500, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # two values each

test_VAL_1_generated_checks_do_what_the_reference_does = LEVEL_P(
    schema_random.generated_checks_do_what_the_reference_does
)
test_VAL_5_requests_give_declared_types_or_errors = LEVEL_P(schema_random.requests_give_declared_types_or_errors)
test_VAL_6_whatever_passes_validation_encodes = LEVEL_P(schema_random.whatever_passes_validation_encodes)


def test_re2_is_loaded_with_the_first_pattern_only() -> None:
    code = (
        "import sys, core.schema.params, core.schema.model; print('re2' in sys.modules);"
        "from core.schema.pattern import compile_search;"
        "compile_search('a'); print('re2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
