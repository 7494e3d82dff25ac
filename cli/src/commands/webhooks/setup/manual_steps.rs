//! What the operator does in Zoho Inventory where the connector may not. Each value stands on a line of its own, to be copied.

use shared::base::secret::Secret;
use shared::zoho::inventory::webhook_rules::Rule;

use crate::terminal::say;

/// How to make these.
pub(super) fn tell(rules: &[Rule], secret: &Secret) {
    say("");
    say("Make them in Zoho Inventory; what is there already stays as it is.");
    say("1. Settings, Automation, Workflow Actions, Webhooks, New Webhook, once for each of these.");
    say("   Method POST, body: default payload, no header, no parameter, and in each as secret:");
    say(format!("     {}", secret.expose()));
    for rule in rules {
        tell_values(rule, "URL", &rule.url);
    }
    say("");
    say("2. Settings, Automation, Workflow Rules, New Workflow Rule, once for each of these,");
    say("   event based, without criteria, with the webhook of the same name as its immediate action:");
    for rule in rules {
        tell_values(rule, "When", if rule.deleted { "Deleted" } else { "Created or edited, every time" });
    }
    say("");
}

/// What to fill in for one, with this value of the webhook or of the rule.
fn tell_values(rule: &Rule, name: &str, value: &str) {
    say("");
    for (name, value) in [("Name", rule.name.as_str()), ("Module", module(rule)), (name, value)] {
        say(format!("   {name}"));
        say(format!("     {value}"));
    }
}

/// How to end these. False where there are none.
pub(super) fn tell_end<'a>(rules: impl Iterator<Item = &'a Rule>, reason: &str) -> bool {
    let mut rules = rules.peekable();
    if rules.peek().is_none() {
        return false;
    }
    say(format!("✗ Zoho Inventory's webhooks cannot be deleted from here: {reason}"));
    say("  Where there are any with these URLs, delete them in Zoho Inventory under Settings, Automation:");
    say("  first their Workflow Rules, then the Webhooks under Workflow Actions.");
    for rule in rules {
        say(format!("    {}", rule.url));
    }
    true
}

/// Zoho's word for a kind of records, as its pages show it.
fn module(rule: &Rule) -> &str {
    rule.kind.rule_module.unwrap_or(rule.kind.word)
}
