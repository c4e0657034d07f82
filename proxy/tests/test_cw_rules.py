"""Every conversion rule that the code names has a case that names it too."""

from __future__ import annotations

import re
from pathlib import Path

from proxy import codewhisperer

RULE = re.compile(r"\bR-[A-Z]+(?:-[A-Z]+)*\b")
CODE = Path(codewhisperer.__file__).parent
TESTS = Path(__file__).parent


def rules_in(paths: list[Path]) -> set[str]:
    return {
        rule
        for path in paths
        for rule in RULE.findall(path.read_text(encoding="utf-8"))
    }


def test_every_rule_of_the_code_has_a_case():
    tests = [path for path in TESTS.glob("test_cw_*.py") if path != Path(__file__)]
    code, cases = rules_in(list(CODE.glob("*.py"))), rules_in(tests)
    assert len(code) > 20
    assert code - cases == set()
    assert cases - code == set()
