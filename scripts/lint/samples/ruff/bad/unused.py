"""A module with an import that nobody uses, badly formatted."""
import os
x = {  }
