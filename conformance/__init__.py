"""The gate: the clauses of the contract, and the tests that judge a Contacts API by them."""
