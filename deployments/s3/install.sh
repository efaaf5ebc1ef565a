#!/bin/sh
# Installs what serve.py runs: a Ceph RADOS Gateway, its monitor and its storage daemon, from Debian's packages. As root.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --yes --quiet --no-install-recommends ceph-mon ceph-osd radosgw
