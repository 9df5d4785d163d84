// A type that says nothing.
class ConnectionManager {};
