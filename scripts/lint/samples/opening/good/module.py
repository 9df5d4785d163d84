"""Say in one sentence what this file is for."""
