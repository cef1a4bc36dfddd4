# Set-up shared by ./calvaria and ./check: says what it installs, asks nothing, safe to run twice.
# Sourced by bash with the project's root as the working folder.

say() { printf '%s\n' "calvaria: $*" >&2; }

# Runs a command as root when that is possible without a question.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"; else return 127; fi
}

# need_packages PACKAGE…: installs the Debian packages that are missing, or names them and stops.
need_packages() {
  local missing=() package
  command -v dpkg-query >/dev/null || { say "this is no Debian or Ubuntu; these packages (or yours of like names) are needed: $*"; return 0; }
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return 0
  say "installing ${missing[*]}"
  if as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 update >/dev/null \
    && as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 --no-install-recommends install "${missing[@]}" >/dev/null; then
    return 0
  fi
  say "could not install: ${missing[*]}"
  say "next: ask an administrator for  apt-get install ${missing[*]}  and run this again"
  exit 1
}

# The Rust toolchain and a linker.
need_rust() {
  [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ] && PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
  command -v cargo >/dev/null || { say "no Rust toolchain found; install Rust 1.95 or newer (https://rustup.rs) and run this again"; exit 1; }
  command -v cc >/dev/null || need_packages gcc libc6-dev
}

# What the window opens at run time (the program itself links only libc).
need_window_libraries() {
  need_packages libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon-x11-0
  need_graphics_driver
}

# Vulkan: the loader, and a software driver where no other driver answers.
need_graphics_driver() {
  need_packages libvulkan1
  local folder
  for folder in /usr/share/vulkan/icd.d /etc/vulkan/icd.d; do
    compgen -G "$folder/*.json" >/dev/null && return 0
  done
  say "no Vulkan driver found: the software driver will draw"
  need_packages mesa-vulkan-drivers
}

# The sample CT, unpacked from Debian's package into the user's cache; prints its path, or nothing where it cannot be had.
sample_path() {
  local cache="${XDG_CACHE_HOME:-$HOME/.cache}/calvaria/samples" file part
  file="$cache/Cranium.inv3"
  [ -s "$file" ] && { printf '%s\n' "$file"; return 0; }
  command -v apt-get >/dev/null || return 0
  part=$(mktemp -d) || return 0
  say "fetching the sample CT (Debian's package invesalius-examples, 19 MB) into $cache"
  (
    cd "$part" || exit 1
    apt-get -qq download invesalius-examples >/dev/null 2>&1 \
      || { as_root apt-get -qq -o DPkg::Lock::Timeout=300 update >/dev/null 2>&1 && apt-get -qq download invesalius-examples >/dev/null 2>&1; }
  ) && dpkg-deb -x "$part"/invesalius-examples_*.deb "$part/tree" \
    && mkdir -p "$cache" \
    && cp "$part"/tree/usr/share/doc/invesalius-examples/examples/Cranium.inv3 "$file.part" \
    && mv "$file.part" "$file"
  rm -rf "$part"
  if [ -s "$file" ]; then printf '%s\n' "$file"; else say "the sample could not be fetched; the phantom takes its place"; fi
}
