"""`make lint`: the rules of docs/hacking.md and docs/architecture.md, executed.

Each check_*.py holds one group of rules as functions from a SourceTree to Findings; __main__.py
runs them all. Every check has samples under samples/ on which its test sees it fail and pass.
"""
