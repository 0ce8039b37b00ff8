use wilco_domain::kernel::Tenant;

/// Names an instance of a process.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessKey {
    /// `ordering`
    pub process_type: String,
    /// Whose it is.
    pub tenant: Tenant,
    /// The id that its commands are for.
    pub id: String,
}

impl ProcessKey {
    /// What the addresses of its commands begin with, as they are stored: `ordering/o-1/`. No type and no id has a slash.
    pub fn addresses(&self) -> String {
        addresses(&self.process_type, &self.id)
    }
}

fn addresses(process_type: &str, id: &str) -> String {
    [process_type, "/", id, "/"].concat()
}

/// Where an issued command's outcome goes: to an instance, under the label that it was issued with. An event that an
/// instance observes goes there without a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    /// The type of the process.
    pub process_type: String,
    /// The instance's id.
    pub id: String,
    /// Names the command among those of the instance; empty: it is no command.
    pub label: String,
    /// The partition of the instance.
    pub partition: u16,
    /// It has to be done in the end: these slugs say that there is nothing to do.
    pub must: Option<Vec<String>>,
}

impl ReplyTo {
    /// As it is stored: `ordering/o-1/reserve`.
    pub fn address(&self) -> String {
        addresses(&self.process_type, &self.id) + &self.label
    }

    /// From what is stored.
    pub fn from_stored(address: &str, partition: u16, must: Option<&str>) -> Option<Self> {
        let (process_type, rest) = address.split_once('/')?;
        let (id, label) = rest.split_once('/')?;
        let must = must.map(|slugs| serde_json::from_str(slugs).unwrap_or_default());
        Some(Self { process_type: process_type.into(), id: id.into(), label: label.into(), partition, must })
    }

    /// Those slugs as they are stored.
    pub fn must_as_stored(&self) -> Option<String> {
        self.must.as_ref().map(|slugs| serde_json::Value::from(slugs.clone()).to_string())
    }

    /// The instance; it is of the same tenant as the command.
    pub fn process(&self, tenant: &Tenant) -> ProcessKey {
        ProcessKey { process_type: self.process_type.clone(), tenant: tenant.clone(), id: self.id.clone() }
    }
}
