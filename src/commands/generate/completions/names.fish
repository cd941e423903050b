
# The names that clap_complete cannot know: of interfaces, asked of the wgstat that was typed, and of network namespaces.
# They may hold whatever the kernel lets a name hold: nothing here expands them, and fish quotes them.
function __fish_wgstat_interfaces
    set -l words (commandline -opc)
    set -l program (string replace -r '^~(?=/)' "$HOME" -- $words[1])
    command -q $program
    or return
    # A name that has quotes, backslashes or worse is escaped in there, and left out.
    command $program export-metrics --no-peers --config /dev/null 2>/dev/null </dev/null |
        string replace -rf '^wg_interface_info\{.*,interface="([^-"\\\\][^"\\\\]*)",device_type=".*' '$1'
end

function __fish_wgstat_namespaces
    set -l current (commandline -ct)
    if string match -q '*/*' -- $current
        __fish_complete_path (string replace -r '^--netns=' '' -- $current)
        return
    end
    echo all
    for name in /run/netns/*
        string replace -r '.*/' '' -- $name
    end
end

complete -c wgstat -n "__fish_wgstat_using_subcommand @COMMANDS@" -f -a "(__fish_wgstat_interfaces)"
# What clap_complete writes for these is not offered before a command: its search for one fails at a flag without its value.
complete -c wgstat -l exclude -x -a "(__fish_wgstat_interfaces)"
complete -c wgstat -l netns -x -a "(__fish_wgstat_namespaces)"
