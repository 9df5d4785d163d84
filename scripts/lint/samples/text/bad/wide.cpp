// A line that goes on and on, far beyond the hundred columns that two editors side by side can show at once.
