// A word that only contains a banned one.
class Database {};
int base64_digits;
