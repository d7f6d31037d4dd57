"""How much CPU the vendor's SDK takes to read a run: prints it as JSON, in microseconds a read.

    python sdk.py ENDPOINT SESSION_ID READS
"""

import json
import sys
import time

from paradime import Paradime


def main():
    endpoint, session_id, reads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    agents = Paradime(api_endpoint=endpoint, api_key="key", api_secret="secret").dinoai_agents
    # The first imports what it needs.
    assert agents.get_run(agent_session_id=session_id).status.value == "COMPLETED"
    begun = time.process_time()
    for _ in range(reads):
        agents.get_run(agent_session_id=session_id)
    taken = (time.process_time() - begun) / reads
    print(json.dumps({"microseconds": taken * 1e6}))


main()
