"""The load side: scenarios that know the contract, an open model of arrivals, a limiter on trial.

It builds on the kit (catalogue, ledger, limiter) and the factories. Importing locust patches the
process, so everything that imports it is loaded by locust itself, in a process of its own.
"""
