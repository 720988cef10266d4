//! The transaction: an amount moves between two accounts, both balances are read and written, and it is durable.

/// Accounts in each system, numbered from 0.
pub const ACCOUNTS: u64 = 10_000;
/// What each begins with.
pub const BALANCE: i64 = 1_000_000;

/// One transfer.
#[derive(Clone, Copy)]
pub struct Transfer {
    pub from: u64,
    pub to: u64,
    pub amount: u64,
}

/// Transfers that follow from a seed.
pub struct Transfers(u64);

impl Transfers {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64 (Steele, Lea and Flood 2014).
    fn random(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// The next, between two different accounts.
    pub fn draw(&mut self) -> Transfer {
        let from = self.random() % ACCOUNTS;
        let to = (from + 1 + self.random() % (ACCOUNTS - 1)) % ACCOUNTS;
        let amount = 1 + self.random() % 100;
        Transfer { from, to, amount }
    }
}

/// Whether the balances can be what transfers have left: the sum is as before, and something has moved.
pub fn check(balances: &[i64]) -> Result<(), String> {
    if balances.len() as u64 != ACCOUNTS {
        return Err(format!("{} accounts of {ACCOUNTS}", balances.len()));
    }
    let (sum, expected) = (balances.iter().sum::<i64>(), ACCOUNTS as i64 * BALANCE);
    if sum != expected {
        return Err(format!(
            "the balances are {sum} together instead of {expected}"
        ));
    }
    if balances.iter().all(|balance| *balance == BALANCE) {
        return Err(String::from("nothing was transferred"));
    }
    Ok(())
}
