"""What the shop shows: the same for every way of asking."""

import json
import sys

from openfeature.client import OpenFeatureClient
from people import PEOPLE


def show(client: OpenFeatureClient) -> None:
    """A line of JSON for each person."""
    for person in PEOPLE:
        page = {
            "person": person.targeting_key,
            "newCheckout": client.get_boolean_value("new-checkout", False, person),
            "banner": client.get_string_value("banner", "", person),
            "ranking": client.get_string_value("ranking", "popular", person),
            "pageSize": client.get_integer_value("page-size", 10, person),
            "layout": client.get_object_value("layout", {"columns": 1}, person),
            "payLater": client.get_boolean_value("pay-later", False, person),
        }
        sys.stdout.write(json.dumps(page) + "\n")
