"""
Publishes readings with nothing but Python's standard library: one POST for each event.

    python3 publish.py URL TOKEN

Each reading has a number of its producer, so a repeat after a lost answer is stored once.
"""

import http.client
import json
import sys
from urllib.parse import urlsplit

url, token = urlsplit(sys.argv[1]), sys.argv[2]
connection = http.client.HTTPConnection(url.netloc, timeout=10)


def publish(seq, reading):
    body = json.dumps({"event": "reading", "data": reading})
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Producer-Id": "thermometer",
        "Producer-Epoch": "0",
        "Producer-Seq": str(seq),
    }
    connection.request("POST", url.path + "?topic=sensors.cellar", body, headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    if response.status not in (200, 201):
        sys.exit(f"{response.status}: {answer}")
    return answer["stored"]


for seq, celsius in enumerate([11.5, 11.7, 12.1]):
    assert publish(seq, {"celsius": celsius})

# The answer was lost, so the program asks again. The hub has the event already.
assert not publish(2, {"celsius": 12.1})
