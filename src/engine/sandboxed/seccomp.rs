//! The seccomp profile of a container, made of the same list as that of isolated sessions. Pure.

use serde_json::{Value, json};

use crate::jail::syscalls::{ALLOWED, FAMILIES, NEW_NAMESPACES, PERSONALITIES, UNIX};

const EPERM: u32 = 1;
/// What the C library takes for a kernel that is too old, and uses `clone` in its place, whose flags
/// can be looked at.
const ENOSYS: u32 = 38;

/// The profile as engines take it, with or without sockets that are found by a path.
#[must_use]
pub fn profile(unix: bool) -> Value {
    let names: Vec<&str> = ALLOWED
        .iter()
        .flat_map(|group| group.split_whitespace())
        .collect();
    let mut rules = vec![json!({"names": names, "action": "SCMP_ACT_ALLOW"})];
    let families = FAMILIES.into_iter().chain(unix.then_some(UNIX));
    rules.extend(families.map(|family| when("socket", &equals(family))));
    rules.extend(PERSONALITIES.map(|persona| when("personality", &equals(persona))));
    let no_namespace =
        json!({"index": 0, "value": NEW_NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"});
    rules.push(when("clone", &no_namespace));
    rules.push(json!({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS}));
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": EPERM,
        "archMap": [
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
            {"architecture": "SCMP_ARCH_RISCV64", "subArchitectures": []},
        ],
        "syscalls": rules,
    })
}

fn when(call: &str, argument: &Value) -> Value {
    json!({"names": [call], "action": "SCMP_ACT_ALLOW", "args": [argument]})
}

fn equals(value: u64) -> Value {
    json!({"index": 0, "value": value, "op": "SCMP_CMP_EQ"})
}
