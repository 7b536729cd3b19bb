import { gql } from "@apollo/client";

export const APOLLO_ME = gql`
  query ApolloMe {
    me {
      id
      username
    }
  }
`;
