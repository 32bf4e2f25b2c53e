"""Faults, each really caused; what is promised is bit for bit, curves and samples and verdicts.

| fault | how it is caused | what is promised |
|---|---|---|
| killed | SIGKILL at 20 random moments (`test_kill`) | the bits of an undisturbed run |
| killed while writing | SIGKILL before and after the renaming of claim, study, checkpoint, states, result, sum, table, results | the same |
| for a quarter of an hour | all of these over a study on the ring (`pytest -m soak`) | the same |
| Ctrl-C, SIGTERM, SIGHUP | the signals (`test_signals`) | saved, said how to go on, exit codes 130, 143, 129 |
| Ctrl-C twice | the signal, in a segment of a minute | left at once; the last checkpoint stays |
| terminal gone | the other end of a pseudo-terminal is closed | as SIGHUP, without a traceback |
| disk full | a tmpfs of half a megabyte (`test_disk`) | checkpoints are skipped and said; the result's failure is one line; nothing lost |
| file may not grow | RLIMIT_FSIZE at 4 sizes: study.yaml, checkpoint, state, result; the report; stdout on /dev/full | one line, nothing lost |
| no permission, read-only | a folder of mode 555, without the rights of root | refused before anything runs |
| folder removed | renamed away in the middle of training | one line; back in its place it goes on |
| checkpoint damaged | a bit flipped, truncated, emptied; a file missing or added; a step that lies (`test_damage`) | named; the one before is used |
| checkpoint of another training | chunks or cells swapped; other batch size, seeds, lanes, type of number, format | the difference is named; not used |
| result damaged | a bit flipped, truncated, emptied, swapped, of another version | named, set aside, run again; the report says so |
| NaN and Inf | a learning rate of 1e9; NaN in one seed's weights; NaN in its data (`tests/test_training.py`) | its step is recorded; all others keep their bits; the report renders |
| out of memory | a batch of 2^30 (`test_nonfinite`) | one line that names the fields to lower |
| memory over time | 101 segments with checkpoints | flat, on the device and of the process |
| no more files may be open | descriptors taken up to RLIMIT_NOFILE (`test_damage`) | an error that names the file; nothing is taken for damaged |
| two processes | two on one folder; a holder killed; a number used again; another machine or container (`test_claims`) | one works, the other says who does |
| workers | several; killed, stopped beyond the lease, each killed by one cell (`test_workers`, `test_leases`) | each cell once; a cell that kills is given up |
| surroundings | clock set back, long paths of any letters, folder moved, no home, no cache, no terminal, LANG=C, other hash seeds, 1 to 4 devices (`test_surroundings`) | the same bits |

Wrong and hostile input: `tests/test_hostile_input.py`, `test_properties.py`, `test_readers.py`, and
`test_fuzz.py`, whose counts the summary shows.
"""  # noqa: E501
