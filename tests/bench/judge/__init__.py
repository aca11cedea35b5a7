"""The acceptance protocol of the judge's statistics: simulated releases, thousands of each kind.

`python -m tests.bench.judge` runs it, writes build/bench/judge.json and the tables of docs/judge.md.
"""
