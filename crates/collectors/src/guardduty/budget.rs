//! What one run may use, so that no answer of the other side makes it endless.

/// The most one run may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests of any kind, retries included.
    pub requests: u32,
    /// Pages of ListFindings.
    pub pages: u32,
    /// Findings fetched.
    pub findings: u32,
}

impl Default for Limits {
    /// 500 requests, 200 pages, 10,000 findings.
    fn default() -> Self {
        Self {
            requests: 500,
            pages: 200,
            findings: 10_000,
        }
    }
}

impl Limits {
    /// The same, doubled so many times (at most 2^5): for a run whose predecessors could not get
    /// past one instant that more findings share than a run may fetch.
    #[must_use]
    pub fn widened(self, times: u8) -> Self {
        let factor = 1_u32 << times.min(5);
        Self {
            requests: self.requests.saturating_mul(factor),
            pages: self.pages.saturating_mul(factor),
            findings: self.findings.saturating_mul(factor),
        }
    }
}

/// Which limit is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhausted {
    /// [`Limits::requests`].
    Requests,
    /// [`Limits::pages`].
    Pages,
    /// [`Limits::findings`].
    Findings,
}

/// What is left of the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    left: Limits,
}

impl Budget {
    /// A full budget.
    pub fn new(limits: Limits) -> Self {
        Self { left: limits }
    }

    /// Takes one request that lists a page.
    ///
    /// # Errors
    /// Which limit is used up; nothing is taken then.
    pub fn list(&mut self) -> Result<(), Exhausted> {
        let pages = self.left.pages.checked_sub(1).ok_or(Exhausted::Pages)?;
        self.request()?;
        self.left.pages = pages;
        Ok(())
    }

    /// Takes one request that fetches so many findings.
    ///
    /// # Errors
    /// Which limit is used up; nothing is taken then.
    pub fn fetch(&mut self, findings: usize) -> Result<(), Exhausted> {
        let count = u32::try_from(findings).unwrap_or(u32::MAX);
        let findings = self
            .left
            .findings
            .checked_sub(count)
            .ok_or(Exhausted::Findings)?;
        self.request()?;
        self.left.findings = findings;
        Ok(())
    }

    fn request(&mut self) -> Result<(), Exhausted> {
        self.left.requests = self
            .left
            .requests
            .checked_sub(1)
            .ok_or(Exhausted::Requests)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_ends_it() {
        let limits = Limits {
            requests: 3,
            pages: 2,
            findings: 60,
        };
        let mut budget = Budget::new(limits);
        assert_eq!(budget.list(), Ok(()));
        assert_eq!(budget.fetch(50), Ok(()));
        assert_eq!(budget.fetch(50), Err(Exhausted::Findings));
        assert_eq!(budget.list(), Ok(()));
        assert_eq!(budget.list(), Err(Exhausted::Pages));
        assert_eq!(budget.fetch(1), Err(Exhausted::Requests));
    }

    #[test]
    fn widening_is_bounded() {
        let limits = Limits {
            requests: 1,
            pages: 2,
            findings: 3,
        };
        assert_eq!(limits.widened(0), limits);
        assert_eq!(limits.widened(200).findings, 96);
    }
}
