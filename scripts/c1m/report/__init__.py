"""Reports from run.json alone: tables, charts, summary.md, report.html."""
