//! Runs the commands of a document in the lab, one after the other, on a host with the files that the documents name.
//! `wgstat` is the program under test, `sudo` runs the rest of its line (the lab's user is root), servers get one request and
//! are stopped, and commands without an end are stopped after some seconds.

use std::fs;
use std::path::Path;

use super::commands::Command;
use super::compare::missing;
use super::scenes;
use crate::lab::{lab, wgstat};

/// Addresses that curl asks for, and the server that a command with them needs.
const SERVERS: [(&str, &str); 3] = [
    ("//127.0.0.1:9586", "wgstat serve"),
    (
        "//vpn.example.org:9586",
        "wgstat serve --listen 192.0.2.1:9586 --web.config.file /etc/wgstat/web.yml --allow-host vpn.example.org",
    ),
    ("--unix-socket /run/wgstat.sock", "wgstat serve --listen unix:/run/wgstat.sock"),
];
/// The password of the user `prometheus`.
const PASSWORD: &str = "correct horse battery staple";

/// Creates the files that the documents name, on top of the machine's own.
const HOST: &str = r#"set -u
copy_of() { # DIRECTORY: makes it writable, with links to all that was in it
    mkdir -p "/run/machine/$1"
    mount --rbind "/$1" "/run/machine/$1"
    mount -t tmpfs tmpfs "/$1"
    for entry in "/run/machine/$1"/*; do ln -s "$entry" "/$1/"; done
}
copy_of etc
copy_of var/lib
rm -f /etc/hosts /etc/wireguard /etc/wgstat /etc/wgstat.toml /etc/prometheus /var/lib/wgstat /var/lib/prometheus
mkdir -p /etc/wireguard /etc/wgstat /etc/prometheus /var/lib/wgstat /var/lib/prometheus/node-exporter
cp "$STAGE"/web.yml "$STAGE"/wgstat.crt "$STAGE"/wgstat.key /etc/wgstat/
cp "$STAGE"/wgstat.crt "$STAGE"/wgstat.password /etc/prometheus/
printf '127.0.0.1 localhost\n192.0.2.1 vpn.example.org\n' > /etc/hosts
ip netns add blue
mkdir -p "$STAGE/work" && cd "$STAGE/work"
export PATH="$STAGE/bin:$PATH" LC_ALL=C.UTF-8
unset NO_COLOR COLUMNS LANG
wait_for() { # NUMBER: waits until this server listens
    for n in $(seq 400); do
        grep -qs 'listening on' "$STAGE/server.$1" && return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.02
    done
    echo "the server does not listen:"; cat "$STAGE/server.$1"; return 1
}
serve() { # NUMBER LINE: starts a server
    bash -c "exec $2" > "$STAGE/server.$1" 2>&1 &
    server=$!
    wait_for "$1"
}
stop() { kill "$server"; wait "$server"; }
request() { # NUMBER: sends a request to every address that the server printed
    sed -n 's/.*listening on //p' "$STAGE/server.$1" | while read -r where rest; do
        case "$where" in
        unix:*) code=$(curl -s -o /dev/null -w '%{http_code}' --max-time 20 --unix-socket "${where#unix:}" http://localhost/health) ;;
        *) code=$(curl -sk -o /dev/null -w '%{http_code}' --max-time 20 "${where%/}/health") ;;
        esac
        case "$code" in 200 | 401) ;; *) echo "$where answers $code"; return 1 ;; esac
    done
}
"#;

/// Runs all commands, and returns a text for each failure.
pub(super) fn failures(commands: &[Command]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let script: String = HOST.to_owned()
        + &commands.iter().enumerate().map(|(number, command)| step(number, command)).collect::<String>();
    fs::write(folder.path().join("script"), script).unwrap();
    let mut words = lab(&["--backend", "boringtun", "timeout", "--foreground", "240", "bash"]);
    let output = words.arg(folder.path().join("script")).env("STAGE", folder.path()).output().unwrap();
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{}: the lab: {}: {printed}", commands[0].location, output.status);
    commands.iter().enumerate().filter_map(|(number, command)| failure(folder.path(), number, command)).collect()
}

/// Writes the programs and the files of the web server.
fn prepare(folder: &Path) {
    fs::create_dir(folder.join("bin")).unwrap();
    std::os::unix::fs::symlink(wgstat(), folder.join("bin/wgstat")).unwrap();
    executable(&folder.join("bin/sudo"), "#!/bin/sh\nexec \"$@\"\n");
    certificate(folder, "vpn.example.org");
    fs::write(folder.join("wgstat.password"), PASSWORD).unwrap();
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    let web = "tls_server_config:\n  cert_file: wgstat.crt\n  key_file: wgstat.key\nbasic_auth_users:\n  prometheus: ";
    fs::write(folder.join("web.yml"), format!("{web}\"{hash}\"\n")).unwrap();
}

fn executable(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Writes a self-signed certificate: `wgstat.crt` and `wgstat.key`.
pub(super) fn certificate(folder: &Path, host: &str) {
    let output = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-keyout", "wgstat.key", "-out", "wgstat.crt", "-subj", &format!("/CN={host}")])
        .args(["-addext", &format!("subjectAltName=DNS:{host}")])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Returns the part of the script that runs one command and keeps its output and exit code.
fn step(number: usize, command: &Command) -> String {
    let line = quoted(&command.line);
    let keep = format!("> \"$STAGE/out.{number}\" 2>&1; echo $? > \"$STAGE/code.{number}\"\n");
    if command.line.contains("wgstat serve") {
        return format!(
            "{{ serve {number} {line} && request {number} && stop && cat \"$STAGE/server.{number}\"; }} {keep}"
        );
    }
    let server = SERVERS.iter().find(|(address, _)| command.line.contains("curl") && command.line.contains(address));
    let (before, after) = server.map_or_else(Default::default, |(_, server)| {
        (format!("serve {number} {} > \"$STAGE/started.{number}\"\n", quoted(server)), "stop\n".to_owned())
    });
    let is_endless = command.line.contains("wgstat watch") && !command.line.contains("--count");
    let limit = if is_endless { "timeout -s INT 3" } else { "timeout 60" };
    let run = format!("{limit} bash -c {line} < /dev/null");
    format!("{before}{run} {keep}{after}")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn failure(folder: &Path, number: usize, command: &Command) -> Option<String> {
    let Command { location, line, output } = command;
    let read = |name: String| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let code = read(format!("code.{number}")).trim().to_owned();
    let is_check = line.contains("wgstat check");
    let is_endless = line.contains("wgstat watch") && !line.contains("--count");
    let succeeded = match code.as_str() {
        "0" => true,
        "1" | "2" => is_check || output.is_some(),
        "124" => is_endless,
        _ => false,
    };
    let printed = read(format!("out.{number}"));
    if !succeeded {
        return Some(format!("{location}: {line}\nends with {code:?}: {printed}"));
    }
    let shown = output.as_deref()?;
    let missing_names = missing(shown, &printed);
    let elsewhere = || scenes::printed(line).is_some_and(|printed| missing(shown, &printed).is_empty());
    (!missing_names.is_empty() && !elsewhere())
        .then(|| format!("{location}: {line}\nno {missing_names:?}; it prints:\n{printed}"))
}
