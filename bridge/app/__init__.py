"""The composition root: puts stores, planes and listeners together, starts them in order and stops them in reverse. The only
room that sees everything.

One bridge::

    bridge       its parts assembled, and the order in which they begin and end
    stores       which stores the settings mean; ``rocketmq``: how they say to talk to its cluster
    flow         the data plane
    status       how it is: alone, together with the others, and why it is not ready
    presence     being known to the instances that share its buses
    grpc, http   its doors; ``listening``: sockets and who may share them; ``background``: tasks that live as long as a block

Processes::

    serving      ``bridge serve``: one of them, or a supervisor
    process      what is the same in each: event loop, signals, exit codes
    supervisor   starts workers behind one address and watches them
    workers      ``python -m bridge.app.workers``: the program of a worker
    siblings     the metrics of all workers of one machine
    copying      ``bridge copy``, with no bridge in between
"""
