//! docs/performance.md: the table, where it was taken, and how to take it again.

use std::io::Result;

use crate::Effort;
use crate::machine::description;
use crate::rows::vendor::Sdk;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");

pub(crate) fn write(effort: Effort, tables: &str) -> Result<()> {
    let python = Sdk::installed().ok().map(|sdk| sdk.version());
    let written_by = match effort {
        Effort::Full => "`cargo bench --bench costs -- --write` has written this page",
        Effort::Quick => {
            "`cargo bench --bench costs -- --quick --write` has written this page: each pair was taken \
             once,\nand 20,000 runs stand for 100,000"
        }
    };
    std::fs::write(PAGE, page(written_by, &description(python), tables))
}

fn page(written_by: &str, machine: &str, tables: &str) -> String {
    format!(
        "\
# Performance: what it costs

{written_by}.
Without `--write` it prints the tables.

{machine}
## How it was measured

- The peer of most rows is a client by hand: `reqwest` with the library's own settings and headers, a
  request body that is ready, a timeout, `serde_json` into plain structs, and nothing else: no retries,
  and no errors that say what happened. [benches/costs/peer.rs](../benches/costs/peer.rs) is all of it.
- CPU is that of the calling thread, system calls included; server and emulator have threads of their
  own. Both sides of a ratio are taken in turn within one run. The ratio is the median of the pairs, its
  spread the smallest and the largest; of ten pairs or more without the tenth at each end.
- Reads, polls and transcripts are measured with client and server on one core of Linux: a request costs
  more if it wakes another core, and the system decides that anew from second to second. Each two pairs
  of a transcript have a new connection and their memory elsewhere, which the C library does not give back:
  where it is can make a tenth.
- Instructions are counted by callgrind in [.ci/instructions](../.ci/instructions), system calls aside. Those
  of a poll are without the pause before it: neither side's clock waits.
- Memory and allocations are those of the calling thread, counted by its allocator.
- Bytes on the wire are those of HTTP, heads included, not packed.
- The vendor's SDK opens a connection for each read; the library keeps its own open.
- Where many runs are polled, a second by the library's clock takes 10 or 20 ms, so that minutes pass in
  seconds.

Counts have to reach their goals, or the program fails. Times are shown, and fail nothing. The tests in
`tests/costs` and `.ci/instructions` hold the counts of a poll and a read to bounds, with each change.

## The tables
{tables}"
    )
}
