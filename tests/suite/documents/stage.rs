//! Where the commands of a document run, one after the other: in the lab, on a host that has what theirs has. `wgstat` is
//! the program under test, `sudo` runs the rest of its line (one is root in there), servers are asked once and ended, and what
//! runs for ever is ended after some seconds.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::commands::Command;
use super::compare::{difference, matches};
use super::scenes;
use crate::lab::{lab, wgstat};

/// Terminals that an output may have been shown on, in columns; 0 is a pipe.
pub(super) const WIDTHS: [usize; 6] = [0, 60, 66, 72, 80, 100];
/// What curl asks, and the server that has to be there for it.
const SERVERS: [(&str, &str); 3] = [
    ("//127.0.0.1:9586", "wgstat serve"),
    (
        "//vpn.example.org:9586",
        "wgstat serve --listen 192.0.2.1:9586 --web.config.file /etc/wgstat/web.yml --allow-host vpn.example.org",
    ),
    ("--unix-socket /run/wgstat.sock", "wgstat serve --listen unix:/run/wgstat.sock"),
];
/// The password of `prometheus`, who may read.
const PASSWORD: &str = "correct horse battery staple";

/// Makes the host: files where the documents say that they are, over a copy of what the machine has there.
const HOST: &str = r#"set -u
copy_of() { # a folder that can be written, with all that was in it
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
listens() { # NUMBER: waits for the server of this number
    for turn in $(seq 400); do
        grep -qs 'listening on' "$STAGE/server.$1" && return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.02
    done
    echo "it does not listen:"; cat "$STAGE/server.$1"; return 1
}
serve() { # NUMBER LINE: starts a server
    bash -c "exec $2" > "$STAGE/server.$1" 2>&1 &
    server=$!
    listens "$1"
}
end() { kill "$server"; wait "$server"; }
ask() { # NUMBER: asks the server at every address that it says
    sed -n 's/.*listening on //p' "$STAGE/server.$1" | while read -r where rest; do
        case "$where" in
        unix:*) code=$(curl -s -o /dev/null -w '%{http_code}' --max-time 20 --unix-socket "${where#unix:}" http://localhost/health) ;;
        *) code=$(curl -sk -o /dev/null -w '%{http_code}' --max-time 20 "${where%/}/health") ;;
        esac
        case "$code" in 200 | 401) ;; *) echo "$where answers $code"; return 1 ;; esac
    done
}
"#;

/// Runs them all, and says which failed and how.
pub(super) fn failures(commands: &[Command]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let script: String = HOST.to_owned()
        + &commands.iter().enumerate().map(|(number, command)| step(number, command)).collect::<String>();
    fs::write(folder.path().join("script"), script).unwrap();
    let mut words = lab(&["--backend", "boringtun", "timeout", "--foreground", "240", "bash"]);
    let output = words.arg(folder.path().join("script")).env("STAGE", folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{}: the lab: {}: {said}", commands[0].place, output.status);
    commands.iter().enumerate().filter_map(|(number, command)| failure(folder.path(), number, command)).collect()
}

/// The program, `sudo`, and the files of the web server.
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

/// A certificate that signed itself, `wgstat.crt` with `wgstat.key`.
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

/// The part of the script that runs one command and keeps its output and exit code.
fn step(number: usize, command: &Command) -> String {
    let line = quoted(&command.line);
    let keep = format!("> \"$STAGE/out.{number}\" 2>&1; echo $? > \"$STAGE/code.{number}\"\n");
    if command.line.contains("wgstat serve") {
        return format!("{{ serve {number} {line} && ask {number} && end && cat \"$STAGE/server.{number}\"; }} {keep}");
    }
    let server = SERVERS.iter().find(|(address, _)| command.line.contains("curl") && command.line.contains(address));
    let (before, after) = server.map_or_else(Default::default, |(_, server)| {
        (format!("serve {number} {} > \"$STAGE/said.{number}\"\n", quoted(server)), "end\n".to_owned())
    });
    let is_endless = command.line.contains("wgstat watch") && !command.line.contains("--count");
    let limit = if is_endless { "timeout -s INT 3" } else { "timeout 60" };
    let run = format!("{limit} bash -c {line} < /dev/null");
    if command.output.is_none() {
        return format!("{before}{run} {keep}{after}");
    }
    let mut shown = String::new();
    for width in WIDTHS {
        let columns = if width == 0 { String::new() } else { format!("COLUMNS={width} ") };
        let out = format!("\"$STAGE/out.{number}.{width}\"");
        writeln!(shown, "{{ {columns}{run} > {out} 2>&1; echo $? > \"$STAGE/code.{number}\"; }} &\njobs+=($!)")
            .unwrap();
    }
    format!("{before}jobs=()\n{shown}wait \"${{jobs[@]}}\"\n{after}")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn failure(folder: &Path, number: usize, command: &Command) -> Option<String> {
    let Command { place, line, output } = command;
    let read = |name: String| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let code = read(format!("code.{number}")).trim().to_owned();
    let is_judged = line.contains("wgstat check");
    let is_endless = line.contains("wgstat watch") && !line.contains("--count");
    let is_well = match code.as_str() {
        "0" => true,
        "1" | "2" => is_judged || output.is_some(),
        "124" => is_endless,
        _ => false,
    };
    let Some(expected) = output else {
        return (!is_well).then(|| format!("{place}: {line}\nends with {code:?}: {}", read(format!("out.{number}"))));
    };
    if !is_well {
        return Some(format!("{place}: {line}\nends with {code:?}: {}", read(format!("out.{number}.80"))));
    }
    let mut printed: Vec<String> = WIDTHS.iter().map(|width| read(format!("out.{number}.{width}"))).collect();
    printed.push(read(format!("out.{number}")));
    printed.extend(scenes::printed(line));
    if printed.iter().any(|printed| matches(expected, printed)) {
        return None;
    }
    let nearest = printed.iter().min_by_key(|printed| (missing(expected, printed), printed.is_empty())).unwrap();
    Some(format!("{place}: {line}\n{}; it prints:\n{nearest}", difference(expected, nearest)))
}

/// How many lines are not there.
fn missing(expected: &str, printed: &str) -> usize {
    expected.lines().filter(|line| line.trim() != "…" && !printed.lines().any(|other| matches(line, other))).count()
}
