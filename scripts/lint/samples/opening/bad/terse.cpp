// Clock.
int x;
