"""Recording and counting what readers searched for and clicked, and the jobs that use these figures."""
