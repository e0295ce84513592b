"""The performance lab: benchmarks, load tests, and a report made of their measurements alone.

    bench   ──→ bench-<database>.json ──────┐
    load    ──→ load-<profile>-<stack>.json ┤
    knee    ──→ knee-<stack>.json           │
    profile ──→ profile-<database>.json     ├→ report ──→ report.html, docs/performance.md
    ablate  ──→ ablation-<database>.json    │
    trials  ──→ trial-<name>-<database>.json┤
    compare, gate ──→ <…>-<database>.json ──┘

Every figure of the report stands in one of those files (`results`). The lab's libraries come with
`make dev`; nothing of Vivace imports the lab.
"""
