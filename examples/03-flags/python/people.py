"""Who comes to the shop."""

from openfeature.evaluation_context import EvaluationContext

PEOPLE = [
    EvaluationContext("ada", {"country": "GB", "application": {"version": "2.3.0"}}),
    EvaluationContext("eve", {"country": "US", "application": {"version": "1.9.5"}}),
    EvaluationContext("olof", {"country": "SE", "email": "olof@shop.example", "application": {"version": "2.1.0"}}),
    *(EvaluationContext(f"customer-{number}", {"country": "DE"}) for number in range(1, 8)),
]
