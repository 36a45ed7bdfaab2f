"""Real servers on this machine, for tests and for trying things out: a RocketMQ cluster, PostgreSQL and MariaDB.

``make cluster-up`` and its neighbours call ``python -m tests.servers`` (``__main__``), which uses containers (``compose``)
where a Docker engine answers, else processes of this machine (``local``, ``services``).

=====================  ================================================================
``settings``           the variables that choose ports, folders, brokers
``processes``          programs that outlive the command: pid files, start, stop, wait
``ports``              is one taken, which are free
``rocketmq``           command lines and configuration texts of its processes
``java``               the java to run them, and their jars, fetched once by Maven
``probe``              is the cluster ready? asked by route, not by open port
``postgresql``         each the server, its data, its user and database; what they share
``mariadb``            is in ``databases``, their Debian packages are in ``packages``
=====================  ================================================================
"""
