"""One module for each problem of this playbook, with the five steps of a fix; and what has to be proved before."""
