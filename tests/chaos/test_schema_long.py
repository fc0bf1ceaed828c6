"""The schema, long: 100,000 random values against random schemas, and bodies that take long, as in tests/unit."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import HealthCheck, settings

from core.schema.params import compile_section
from core.serve.values import parse_json
from core.settings import Limits
from tests import schema_random
from tests.timing import cpu_ms
from tests.unit.test_schema_hardness import HEAVY

LEVEL_N = settings(max_examples=50_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # two values each

test_VAL_1_generated_checks_do_what_the_reference_does = LEVEL_N(
    schema_random.generated_checks_do_what_the_reference_does
)
test_VAL_5_requests_give_declared_types_or_errors = LEVEL_N(schema_random.requests_give_declared_types_or_errors)
test_VAL_6_whatever_passes_validation_encodes = LEVEL_N(schema_random.whatever_passes_validation_encodes)


@pytest.mark.parametrize("case", HEAVY)
def test_VAL_7_the_worst_legal_body_takes_fifty_milliseconds(case: str) -> None:
    cls, value = HEAVY[case]
    raw, check = orjson.dumps(value), compile_section(cls, "body")
    assert cpu_ms(lambda: check(parse_json(raw, Limits(text_bytes=len(raw))), [])) < 50
