//! Tokens and share links as tables. Their secret texts are not known any more and are not in them.

use forgecast_protocol::Timestamp;
use forgecast_server::{ShareInfo, TokenInfo};

use super::table::{self, Column};
use super::{Style, age, in_one_unit};

/// The tokens as a table.
pub(crate) fn tokens(tokens: &[TokenInfo], now: Timestamp, style: Style) -> String {
    let rows = tokens.iter().map(|token| {
        let created = age(Some(token.created_at), now);
        let scope = &token.scope;
        let numbers = scope.numbers_only.then(|| "numbers".to_owned());
        let shows: Vec<String> = scope.project.clone().into_iter().chain(numbers).collect();
        let role = match shows.as_slice() {
            [] => token.role.to_string(),
            shows => format!("{} ({})", token.role, shows.join(", ")),
        };
        [token.id.clone(), token.name.clone(), role, created]
    });
    let columns = [
        Column::new("ID"),
        Column::new("NAME").cut_to(12),
        Column::new("ROLE"),
        Column::new("CREATED"),
    ];
    table::plain(columns, rows, style)
}

/// The links as a table.
pub(crate) fn shares(shares: &[ShareInfo], now: Timestamp, style: Style) -> String {
    let rows = shares.iter().map(|share| {
        let created = age(Some(share.created_at), now);
        let expires = format!("in {}", in_one_unit(share.expires_at.millis_since(now)));
        [share.id.clone(), share.session.to_string(), created, expires]
    });
    let columns = ["ID", "SESSION", "CREATED", "EXPIRES"].map(Column::new);
    table::plain(columns, rows, style)
}

#[cfg(test)]
mod tests {
    use forgecast_server::{Role, TokenScope};

    use super::*;

    #[test]
    fn tokens_and_links_are_listed() {
        let now: Timestamp = "2026-01-03T00:00:00Z".parse().unwrap();
        let made = "2026-01-01T00:00:00Z".parse().unwrap();
        let token = |id: &str, role, name: &str| TokenInfo {
            id: id.to_owned(),
            role,
            name: name.to_owned(),
            created_at: made,
            scope: TokenScope::default(),
        };
        let mut part = token("0badcafe", Role::View, "wall");
        part.scope = TokenScope {
            project: Some("weather".to_owned()),
            numbers_only: true,
        };
        let list = [
            token("00c0ffee", Role::View, "phone"),
            token("deadbeef", Role::Ingest, "build box"),
            part,
        ];
        insta::assert_snapshot!(tokens(&list, now, Style::plain()), @r"
        ID        NAME       ROLE                     CREATED
        00c0ffee  phone      view                     2 d ago
        deadbeef  build box  ingest                   2 d ago
        0badcafe  wall       view (weather, numbers)  2 d ago
        ");
        let link = ShareInfo {
            id: "0badcafe".to_owned(),
            session: "weather-app~2".parse().unwrap(),
            created_at: made,
            expires_at: now.plus_millis(47 * 3_600_000),
        };
        insta::assert_snapshot!(shares(&[link], now, Style::plain()), @r"
        ID        SESSION        CREATED  EXPIRES
        0badcafe  weather-app~2  2 d ago  in 1 d
        ");
    }
}
