//! The measures of an actor's day, and the families that group them.

use super::table::{Table, numbered};

numbered! {
    /// One value of an actor's day. Every value only grows while the day goes on.
    Rule {
        /// Rarity of the hours that hold an event, for this actor.
        OddHours = "odd_hours",
        /// Rarity of being active on such a weekday.
        OddWeekday = "odd_weekday",
        /// Events with consequences in hours that are rare for this actor.
        OddHoursActivity = "odd_hours_activity",
        /// Sign-ins.
        SignIns = "sign_ins",
        /// Failed sign-ins.
        SignInFailures = "sign_in_failures",
        /// Failed sign-ins in the worst two hours.
        SignInFailureBurst = "sign_in_failure_burst",
        /// Failures other than sign-ins.
        Failures = "failures",
        /// Addresses.
        Addresses = "addresses",
        /// Rarity of addresses this actor never used.
        NewAddresses = "new_addresses",
        /// Rarity of networks this actor never used.
        NewNetworks = "new_networks",
        /// Rarity of programs this actor never used.
        NewAgents = "new_agents",
        /// Events with consequences from a new network or with a new program.
        NewOriginActivity = "new_origin_activity",
        /// Rarity of computers this actor never used.
        NewHosts = "new_hosts",
        /// Events on computers that are not the actor's own.
        OtherHosts = "other_hosts",
        /// Computers.
        Hosts = "hosts",
        /// Copies to removable media.
        Copies = "copies",
        /// Bytes copied to removable media.
        CopiedBytes = "copied_bytes",
        /// Copies to removable media in the busiest two hours.
        CopyBurst = "copy_burst",
        /// Removable media connected.
        Connects = "connects",
        /// Things sent to places outside.
        Sends = "sends",
        /// Bytes sent to places outside.
        SentBytes = "sent_bytes",
        /// Bytes that left in any way: sent, copied, mailed.
        OutboundBytes = "outbound_bytes",
        /// Things that left in any way in the busiest two hours.
        OutboundBurst = "outbound_burst",
        /// Rarity of destinations this actor never used.
        NewDestinations = "new_destinations",
        /// Uncommon destinations taken up not long ago and used again.
        ReturningDestinations = "returning_destinations",
        /// Things that went to destinations this actor seldom uses.
        MinorDestinations = "minor_destinations",
        /// The most bytes to one destination this actor seldom uses.
        MinorDestinationBytes = "minor_destination_bytes",
        /// Rarity of sites this actor never visited.
        NewSites = "new_sites",
        /// Uncommon sites taken up not long ago and visited again.
        ReturningSites = "returning_sites",
        /// Messages sent.
        Mails = "mails",
        /// Bytes sent in messages.
        MailBytes = "mail_bytes",
        /// The largest message.
        LargestMail = "largest_mail",
        /// Things read.
        Reads = "reads",
        /// Things downloaded.
        Downloads = "downloads",
        /// Bytes downloaded.
        DownloadedBytes = "downloaded_bytes",
        /// Things read or downloaded in the busiest two hours.
        AccessBurst = "access_burst",
        /// Things put into places of the organisation.
        Uploads = "uploads",
        /// Things made, edited or shared.
        Edits = "edits",
        /// Distinct objects.
        Objects = "objects",
        /// Objects this actor never touched.
        NewObjects = "new_objects",
        /// Rarity among others of objects this actor never touched.
        RareObjects = "rare_objects",
        /// Objects that belong to another circle of people.
        ForeignObjects = "foreign_objects",
        /// Things deleted.
        Deletes = "deletes",
        /// Things deleted in the busiest two hours.
        DeleteBurst = "delete_burst",
        /// Changes of rights, accounts and configuration.
        Changes = "changes",
        /// Such changes in the busiest two hours.
        ChangeBurst = "change_burst",
        /// Subjects of such changes that this actor never changed.
        NewSubjects = "new_subjects",
        /// New objects read and things sent out within two hours: the smaller number.
        CollectAndSend = "collect_and_send",
        /// Downloads and uploads within two hours: the smaller number.
        DownloadAndUpload = "download_and_upload",
        /// Changes of rights and new objects read within two hours: the smaller number.
        ChangeAndRead = "change_and_read",
        /// Events with consequences on a computer that is new for this actor.
        NewHostActivity = "new_host_activity",
        /// Copies to removable media that are new for this actor.
        NewMediaCopies = "new_media_copies",
        /// Rarity of the kinds of event, for this actor and for everyone.
        Kinds = "kinds",
        /// Severity of what detectors reported: see [`super::detection`].
        Detections = "detections",
    }
}

/// One cell for each rule.
pub type PerRule<T> = Table<Rule, T, { Rule::COUNT }>;

numbered! {
    /// Rules about the same thing. A family counts its strongest rule and half of the next.
    Family {
        /// When.
        Time = "time",
        /// Sign-ins and failures.
        Authentication = "authentication",
        /// From where.
        Network = "network",
        /// With which program.
        Agent = "agent",
        /// On which computer.
        Host = "host",
        /// Removable media.
        RemovableMedia = "removable_media",
        /// What left.
        Exfiltration = "exfiltration",
        /// Where it went.
        Destination = "destination",
        /// Messages.
        Mail = "mail",
        /// How much was read.
        Access = "access",
        /// What was read.
        Scope = "scope",
        /// What was deleted.
        Destruction = "destruction",
        /// Rights and configuration.
        Privilege = "privilege",
        /// One thing after another.
        Sequence = "sequence",
        /// Kinds of event.
        Kind = "kind",
        /// What other products concluded.
        Detection = "detection",
    }
}

/// One cell for each family.
pub type PerFamily<T> = Table<Family, T, { Family::COUNT }>;

/// How a value becomes a surprise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// A count, against a negative binomial.
    Count,
    /// Bytes, against Student's t on the logarithm.
    Bytes,
    /// Already a sum of rarities: taken as it is.
    Rarity,
}

impl Rule {
    /// What it is about.
    pub fn family(self) -> Family {
        match self {
            Self::OddHours | Self::OddWeekday | Self::OddHoursActivity => Family::Time,
            Self::SignIns | Self::SignInFailures | Self::SignInFailureBurst | Self::Failures => {
                Family::Authentication
            }
            Self::Addresses | Self::NewAddresses | Self::NewNetworks => Family::Network,
            Self::NewAgents | Self::NewOriginActivity => Family::Agent,
            Self::NewHosts | Self::OtherHosts | Self::Hosts | Self::NewHostActivity => Family::Host,
            Self::Copies
            | Self::CopiedBytes
            | Self::CopyBurst
            | Self::Connects
            | Self::NewMediaCopies => Family::RemovableMedia,
            Self::Sends | Self::SentBytes | Self::OutboundBytes | Self::OutboundBurst => {
                Family::Exfiltration
            }
            Self::NewDestinations
            | Self::ReturningDestinations
            | Self::MinorDestinations
            | Self::MinorDestinationBytes
            | Self::NewSites
            | Self::ReturningSites => Family::Destination,
            Self::Mails | Self::MailBytes | Self::LargestMail => Family::Mail,
            Self::Reads
            | Self::Downloads
            | Self::DownloadedBytes
            | Self::AccessBurst
            | Self::Uploads
            | Self::Edits => Family::Access,
            Self::Objects | Self::NewObjects | Self::RareObjects | Self::ForeignObjects => {
                Family::Scope
            }
            Self::Deletes | Self::DeleteBurst => Family::Destruction,
            Self::Changes | Self::ChangeBurst | Self::NewSubjects => Family::Privilege,
            Self::CollectAndSend | Self::DownloadAndUpload | Self::ChangeAndRead => {
                Family::Sequence
            }
            Self::Kinds => Family::Kind,
            Self::Detections => Family::Detection,
        }
    }

    /// How its value is judged.
    pub fn measure(self) -> Measure {
        match self {
            Self::OddHours
            | Self::OddWeekday
            | Self::NewAddresses
            | Self::NewNetworks
            | Self::NewAgents
            | Self::NewHosts
            | Self::NewDestinations
            | Self::ReturningDestinations
            | Self::NewSites
            | Self::ReturningSites
            | Self::RareObjects
            | Self::Kinds
            | Self::Detections => Measure::Rarity,
            Self::CopiedBytes
            | Self::SentBytes
            | Self::OutboundBytes
            | Self::MinorDestinationBytes
            | Self::MailBytes
            | Self::LargestMail
            | Self::DownloadedBytes => Measure::Bytes,
            _ => Measure::Count,
        }
    }
}

impl Family {
    /// How much a point of rarity counts: families in which ordinary life is full of surprises
    /// count less.
    pub fn weight(self) -> f64 {
        match self {
            Self::Time | Self::Network | Self::Authentication | Self::Access | Self::Mail => 0.8,
            Self::Scope => 0.9,
            _ => 1.0,
        }
    }

    /// Whether it counts the same events as the other families of this theme: what leaves, by
    /// which way, and after what. One copy to a stick is not three independent witnesses.
    pub(super) fn leaves(self) -> bool {
        matches!(
            self,
            Self::RemovableMedia | Self::Exfiltration | Self::Sequence
        )
    }
}
