int tabbed() {
	return 1;
}
