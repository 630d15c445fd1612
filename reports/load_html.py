"""`load.html`."""

import json


def render(document):
    return "<pre>" + json.dumps(document, indent=1)
